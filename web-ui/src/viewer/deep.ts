/** One deep-zoom viewer for everything that is looked at: the original below, the result above it
 * and cut at the divider, the evidence map on top. One viewer means one place and one zoom: before
 * and after cannot drift apart. OpenSeadragon fetches tiles; this file is all that knows it. */

import OpenSeadragon from "openseadragon";

/** A picture by tiles (`.dzi`) or as one image; sides in pixels of the original. */
export type Source = { dzi: string } | { image: string };

/** Screen position = offset + scale * pixel of the original. */
export interface View {
  scale: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

export type Layer = "before" | "after" | "evidence";

const Z: Record<Layer, number> = { before: 0, after: 1, evidence: 2 };

/** OpenSeadragon adds a style element of its own, which the page's security policy forbids, unless
 * one with its name is there. This one only has the name; the rule is in Viewer.svelte. */
function standInForStyle(): void {
  const name = "data-openseadragon-mobile-css";
  if (document.querySelector(`style[${name}]`)) return;
  const style = document.createElementNS("https://openseadragon.github.io/", "style");
  style.setAttribute(name, "true");
  document.head.append(style);
}

interface Options {
  element: HTMLElement;
  rows: number;
  cols: number;
  onview: (view: View) => void;
  onclick: (x: number, y: number) => void;
}

export class Deep {
  private readonly osd: OpenSeadragon.Viewer;
  private readonly items = new Map<Layer, OpenSeadragon.TiledImage>();
  private readonly wanted = new Map<Layer, string>();
  private share: number | null = null;
  private readonly options: Options;

  constructor(options: Options) {
    this.options = options;
    standInForStyle();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.osd = new OpenSeadragon.Viewer({
      element: options.element,
      drawer: "canvas",
      showNavigationControl: false,
      visibilityRatio: 0.5,
      minZoomImageRatio: 0.7,
      maxZoomPixelRatio: 16,
      animationTime: still ? 0 : 0.35,
      springStiffness: 10,
      immediateRender: still,
      imageLoaderLimit: 6,
      maxImageCacheCount: 400,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
      gestureSettingsTouch: { clickToZoom: false, dblClickToZoom: true, pinchRotate: false },
      gestureSettingsPen: { clickToZoom: false },
    });
    this.osd.addHandler("update-viewport", () => this.told());
    this.osd.addHandler("resize", () => this.told());
    this.osd.addHandler("canvas-click", (event) => {
      if (!event.quick) return;
      const { x, y } = this.pixelAt(event.position.x, event.position.y);
      options.onclick(x, y);
    });
    // rotating and flipping by key would only confuse: the divider and the outlines do not turn
    this.osd.addHandler("canvas-key", (event) => {
      const key = (event.originalEvent as KeyboardEvent).key;
      if ("rRfF".includes(key)) event.preventDefaultAction = true;
    });
  }

  /** Shows a picture in a layer, or nothing in it. */
  set(layer: Layer, source: Source | null, opacity = 1): void {
    const key = source ? JSON.stringify(source) : "";
    const there = this.items.get(layer);
    if (this.wanted.get(layer) === key) {
      there?.setOpacity(opacity);
      return;
    }
    this.wanted.set(layer, key);
    if (there) {
      this.osd.world.removeItem(there);
      this.items.delete(layer);
    }
    if (!source) return;
    const tileSource = "dzi" in source ? source.dzi : { type: "image", url: source.image };
    this.osd.addTiledImage({
      tileSource,
      opacity,
      x: 0,
      y: 0,
      width: 1,
      success: (event) => {
        const item = (event as unknown as { item: OpenSeadragon.TiledImage }).item;
        if (this.wanted.get(layer) !== key) {
          this.osd.world.removeItem(item);
          return;
        }
        this.items.set(layer, item);
        this.stack();
        this.cut();
        this.told();
      },
    });
  }

  setOpacity(layer: Layer, opacity: number): void {
    this.items.get(layer)?.setOpacity(opacity);
  }

  /** Where the divider stands, as a share of the viewer's width; null shows the upper picture
   * whole. */
  divide(share: number | null): void {
    this.share = share;
    this.cut();
  }

  zoomBy(factor: number): void {
    this.osd.viewport.zoomBy(factor);
    this.osd.viewport.applyConstraints();
  }

  /** One pixel of the original on one pixel of the screen. */
  actualSize(): void {
    const item = this.items.get("before") ?? this.items.get("after");
    if (!item) return;
    const ratio = window.devicePixelRatio || 1;
    this.osd.viewport.zoomTo(this.osd.viewport.imageToViewportZoom(this.widthRatio(item) / ratio));
    this.osd.viewport.applyConstraints();
  }

  fit(): void {
    this.osd.viewport.goHome();
  }

  /** Brings a box of the original into view with room around it. */
  show(top: number, left: number, rows: number, cols: number): void {
    const unit = 1 / this.options.cols;
    const side = Math.max(rows, cols, 120) * 2.2;
    const x = (left + cols / 2 - side / 2) * unit;
    const y = (top + rows / 2 - side / 2) * unit;
    this.osd.viewport.fitBounds(new OpenSeadragon.Rect(x, y, side * unit, side * unit));
  }

  panBy(dx: number, dy: number): void {
    const delta = new OpenSeadragon.Point(-dx, -dy);
    this.osd.viewport.panBy(this.osd.viewport.deltaPointsFromPixels(delta), true);
  }

  zoomAt(factor: number, x: number, y: number): void {
    const point = this.osd.viewport.pointFromPixel(new OpenSeadragon.Point(x, y));
    this.osd.viewport.zoomBy(factor, point, true);
    this.osd.viewport.applyConstraints();
  }

  pixelAt(x: number, y: number): { x: number; y: number } {
    const point = this.osd.viewport.pointFromPixel(new OpenSeadragon.Point(x, y), true);
    return { x: point.x * this.options.cols, y: point.y * this.options.cols };
  }

  /** Lets another viewer follow, for two results side by side. */
  centre(): { zoom: number; x: number; y: number } {
    const middle = this.osd.viewport.getCenter();
    return { zoom: this.osd.viewport.getZoom(), x: middle.x, y: middle.y };
  }

  follow(at: { zoom: number; x: number; y: number }): void {
    this.osd.viewport.zoomTo(at.zoom, undefined, true);
    this.osd.viewport.panTo(new OpenSeadragon.Point(at.x, at.y), true);
  }

  label(text: string): void {
    const canvas = this.options.element.querySelector<HTMLElement>(".openseadragon-canvas");
    canvas?.setAttribute("role", "application");
    canvas?.setAttribute("aria-label", text);
  }

  close(): void {
    this.osd.destroy();
  }

  private stack(): void {
    const order = [...this.items].sort(([a], [b]) => Z[a] - Z[b]);
    for (const [index, [, item]] of order.entries()) this.osd.world.setItemIndex(item, index);
  }

  private cut(): void {
    const after = this.items.get("after");
    if (!after) return;
    const { x: wide, y: high } = after.getContentSize();
    if (this.share === null) {
      after.setClip(null as unknown as OpenSeadragon.Rect);
      return;
    }
    const edge = this.osd.viewport.pointFromPixel(
      new OpenSeadragon.Point(this.share * this.options.element.clientWidth, 0),
      true,
    );
    const from = Math.min(Math.max(edge.x * wide, 0), wide);
    after.setClip(new OpenSeadragon.Rect(from, 0, wide - from, high));
  }

  private widthRatio(item: OpenSeadragon.TiledImage): number {
    return item.getContentSize().x / this.options.cols;
  }

  private told(): void {
    const zero = this.osd.viewport.pixelFromPoint(new OpenSeadragon.Point(0, 0), true);
    const one = this.osd.viewport.pixelFromPoint(new OpenSeadragon.Point(1, 0), true);
    if (this.share !== null) this.cut();
    this.options.onview({
      scale: (one.x - zero.x) / this.options.cols,
      x: zero.x,
      y: zero.y,
      width: this.options.element.clientWidth,
      height: this.options.element.clientHeight,
    });
  }
}
