import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const names = {
  entryFileNames: (chunk: { name: string }) =>
    chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js",
  chunkFileNames: "assets/[name]-[hash].js",
  assetFileNames: "assets/[name]-[hash][extname]",
};

/** The runtime's 14 MB of WebAssembly are shipped packed (3.7 MB); the worker unpacks them. */
function packedRuntime(): Plugin {
  return {
    name: "packed-runtime",
    generateBundle(_options, bundle) {
      for (const name of Object.keys(bundle)) if (name.endsWith(".wasm")) delete bundle[name];
      const wasm = readFileSync(
        here("node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm"),
      );
      this.emitFile({
        type: "asset",
        fileName: "runtime/ort.wasm.gz",
        source: gzipSync(wasm, { level: 9 }),
      });
    },
  };
}

/** Without this the worker's own build would hold the unpacked runtime a second time. */
function noLooseRuntime(): Plugin {
  return {
    name: "no-loose-runtime",
    generateBundle(_options, bundle) {
      for (const name of Object.keys(bundle)) if (name.endsWith(".wasm")) delete bundle[name];
    },
  };
}

/** The licences of what is built into the page: they ask to go with it. */
function licences(): Plugin {
  const parts = [
    ["Svelte", "svelte/LICENSE.md"],
    ["OpenSeadragon", "openseadragon/LICENSE.txt"],
  ] as const;
  const runtime =
    "ONNX Runtime: MIT License, Copyright (c) Microsoft Corporation. Notices of what it contains:\n" +
    "https://github.com/microsoft/onnxruntime/blob/main/ThirdPartyNotices.txt\n";
  return {
    name: "licences",
    generateBundle() {
      const texts = parts.map(
        ([name, file]) => `${name}\n\n${readFileSync(here(`node_modules/${file}`), "utf8").trim()}\n`,
      );
      const source = [...texts, runtime].join("\n---\n\n");
      this.emitFile({ type: "asset", fileName: "licences.txt", source });
    },
  };
}

/** Writes into the service worker which files make the page, and a version from their contents. */
function precache(): Plugin {
  return {
    name: "precache",
    enforce: "post",
    generateBundle(_options, bundle) {
      const worker = bundle["sw.js"];
      if (worker?.type !== "chunk") throw new Error("sw.js is missing from the build");
      const hash = createHash("sha256");
      const files = Object.keys(bundle)
        .filter((name) => !["sw.js", "licences.txt"].includes(name) && !name.startsWith("runtime/"))
        .sort();
      for (const name of files) {
        const part = bundle[name]!;
        hash.update(name).update(part.type === "chunk" ? part.code : part.source);
      }
      const still = ["manifest.webmanifest", "icon.svg", "icon-192.png", "icon-512.png"];
      for (const name of still) hash.update(readFileSync(here(`public/${name}`)));
      const list = JSON.stringify(["./", ...files.filter((f) => f !== "index.html"), ...still]);
      worker.code = worker.code
        .replaceAll("__FILES__", list)
        .replaceAll("__VERSION__", JSON.stringify(hash.digest("hex").slice(0, 16)));
    },
  };
}

export default defineConfig({
  base: "./",
  plugins: [svelte(), packedRuntime(), licences(), precache()],
  build: {
    target: "es2022",
    outDir: here("../src/unfade/web/page"),
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 400,
    rolldownOptions: { input: { page: here("index.html"), sw: here("src/sw.ts") }, output: names },
  },
  worker: {
    format: "es",
    plugins: () => [noLooseRuntime()],
    rolldownOptions: { output: names },
  },
  server: { proxy: { "/v1": "http://127.0.0.1:8000", "/on-device": "http://127.0.0.1:8000" } },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
