/** What the person is doing on the page right now; nothing of it is kept or sent. */

import type { Box } from "../api/types";
import type { BrushKind } from "../brush/strokes";

export type Tab = "findings" | "plan" | "hand" | "result";
export type Tool = "look" | "hint" | "face" | BrushKind;

class Ui {
  tab = $state<Tab>("findings");
  tool = $state<Tool>("look");
  /** Radius of the brush in pixels of the screen, so that zooming in makes it finer. */
  brush = $state(14);
  colour = $state("#8a5a3c");
  outlines = $state(true);
  evidence = $state(false);
  /** The divider as a share of the viewer's width; null: the result alone. */
  divider = $state<number | null>(0.5);
  /** The job that is compared with the shown one, side by side. */
  beside = $state<string | null>(null);
  selected = $state<string | null>(null);
  /** A box to be brought into view; a new object each time. */
  focus = $state.raw<{ box: Box } | null>(null);
  /** A time of the film to be shown; a new object each time. */
  seek = $state.raw<{ time_s: number } | null>(null);
  dialog = $state<"history" | "about" | null>(null);
  /** What a screen reader should say now. */
  said = $state("");

  brushing(): this is { tool: BrushKind } {
    return this.tool === "mend" || this.tool === "protect" || this.tool === "erase";
  }

  goTo(tab: Tab): void {
    this.tab = tab;
    if (tab !== "hand") this.tool = "look";
  }
}

export const ui = new Ui();
