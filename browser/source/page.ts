import { guarded } from "./guard";

/** What the page had when the script began: it may put something else in its place later. */

const timer = window.setTimeout;

export const send = window.fetch;

/** Run `work` after a while, in milliseconds. */
export function after(milliseconds: number, work: () => void): void {
  timer.call(window, work, milliseconds);
}

export function later(milliseconds: number): Promise<void> {
  return new Promise((resolve) => after(milliseconds, resolve));
}

/** Listen to an event of the whole page, whatever the page itself does with it. */
export function listen(
  name: string,
  heard: (event: Event) => unknown,
  target: EventTarget = window,
  capture = false,
): void {
  target.addEventListener(name, (event) => guarded(() => heard(event)), { capture, passive: true });
}

export const withoutFragment = (address: string): string => address.split("#")[0]!;

/** Cut a text to 200 characters and 250 UTF-8 bytes, marked with an ellipsis where it was longer. */
export function shortened(text: string): string {
  const characters = [...text];
  let kept = characters.slice(0, 200);
  if (kept.length === characters.length && bytes(text) <= 250) {
    return text;
  }
  while (kept.length === 200 || bytes(kept.join("")) > 247) {
    kept = kept.slice(0, -1);
  }
  return `${kept.join("")}…`;
}

function bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}
