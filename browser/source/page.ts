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

const ELLIPSIS_BYTES = 3;

/** Cut a text to a length in UTF-8 bytes, marked with an ellipsis where it was longer; and to 200 characters. */
export function shortened(text: string, most = 250, mostCharacters = 200): string {
  const characters = [...text.slice(0, most + 1)];
  if (text.length <= most && characters.length <= mostCharacters && bytes(text) <= most) {
    return text;
  }
  const kept = characters.slice(0, mostCharacters - 1);
  while (bytes(kept.join("")) > most - ELLIPSIS_BYTES) {
    kept.pop();
  }
  return `${kept.join("")}…`;
}

function bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}
