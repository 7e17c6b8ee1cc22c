/** Which networks can run in the browser: `on-device.json`, served beside the page. */

export interface Network {
  name: string;
  /** The step it carries out, named as in recipes: `denoise`, `upscale`, ... */
  task: string;
  file: string;
  sha256: string;
  scale: number;
  halo: number;
  multiple_of: number;
  tile_px: number;
  /** Of the network's input; 1 or 3. */
  channels: number;
  inputs: string[];
  bytes?: number;
}

const TILE_PX = 256;

/** The networks that this page can run; what it does not understand is left out.
 *
 * @throws Error when the manifest is no manifest at all */
export function parseManifest(data: unknown): Network[] {
  const list = (data as { networks?: unknown } | null)?.networks;
  if (!Array.isArray(list)) throw new Error("on-device.json holds no list `networks`.");
  return list.map(network).filter((one) => one !== null);
}

function network(entry: Record<string, unknown>): Network | null {
  const { name, task, file, sha256 } = entry;
  const inputs = Array.isArray(entry.inputs) ? entry.inputs.map(inputName) : [];
  const whole =
    [name, task, file, sha256].every((v) => typeof v === "string" && v !== "") &&
    inputs.length === 1 &&
    inputs[0] !== "" &&
    /^[0-9a-f]{64}$/.test(String(sha256)) &&
    !/(^|\/)\.\.(\/|$)|^\/|:/.test(String(file));
  if (!whole) return null;
  const number = (key: string, otherwise: number) => {
    const value = entry[key] ?? otherwise;
    return typeof value === "number" && Number.isInteger(value) ? value : NaN;
  };
  const found: Network = {
    name: String(name),
    task: String(task),
    file: String(file),
    sha256: String(sha256),
    scale: number("scale", 1),
    halo: number("halo", 0),
    multiple_of: number("multiple_of", 1),
    tile_px: number("tile_px", TILE_PX),
    channels: number("channels", 3),
    inputs,
  };
  const sound =
    found.scale >= 1 &&
    found.scale <= 4 &&
    found.halo >= 0 &&
    found.multiple_of >= 1 &&
    (found.channels === 1 || found.channels === 3) &&
    found.tile_px >= 2 * found.halo + found.multiple_of;
  if (typeof entry.bytes === "number") found.bytes = entry.bytes;
  return sound ? found : null;
}

function inputName(input: unknown): string {
  if (typeof input === "string") return input;
  const name = (input as { name?: unknown } | null)?.name;
  return typeof name === "string" ? name : "";
}
