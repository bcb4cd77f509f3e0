import { guarded } from "./guard";

/** Where a record is kept: when its save began, in milliseconds since 1970, which page made it, which span. */
export interface Place {
  key: string;
  begun: number;
  page: string;
  span: string;
  /** Whether another page is to say how the save ended: it was a form's. */
  form: boolean;
}

const PREFIX = "savetrace.record.";
const MOST_RECORDS = 50;
const MOST_CHARACTERS = 64 << 10;
const OLDEST_MILLISECONDS = 24 * 3600_000;

/** The browser's own store, which outlives the page; undefined where the user does not allow it. */
export const storage = guarded(() => window.localStorage) ?? undefined;

export function placeOf(begun: number, page: string, span: string, form: boolean): Place {
  return { key: `${PREFIX}${begun}.${page}.${span}.${form ? "form" : "page"}`, begun, page, span, form };
}

/**
 * Keep what is to be told of a save if its page says no more: one entry a save, so that no two tabs write
 * the same. The oldest make room, and none is kept for longer than a day.
 */
export function keep(place: Place, text: string): void {
  guarded(() => {
    if (text.length > MOST_CHARACTERS) {
      return;
    }
    const others = kept().filter((other) => other.key !== place.key);
    let characters = text.length + others.reduce((sum, other) => sum + (read(other)?.length ?? 0), 0);
    while (others.length && (characters > MOST_CHARACTERS || others.length >= MOST_RECORDS)) {
      const oldest = others.shift()!;
      characters -= read(oldest)?.length ?? 0;
      remove(oldest);
    }
    storage?.setItem(place.key, text);
  });
}

export function read(place: Place): string | null {
  return guarded(() => storage?.getItem(place.key)) ?? null;
}

export function remove(place: Place): void {
  guarded(() => storage?.removeItem(place.key));
}

/** Return where every record is that is not too old, the oldest first; those that are too old are removed. */
export function kept(): Place[] {
  const found: Place[] = [];
  guarded(() => {
    for (let index = (storage?.length ?? 0) - 1; index >= 0; index--) {
      const key = storage!.key(index) ?? "";
      if (key.startsWith(PREFIX)) {
        found.push(parsed(key));
      }
    }
  });
  const limit = Date.now() - OLDEST_MILLISECONDS;
  return found.filter((place) => place.begun > limit || remove(place)).sort((one, other) => one.begun - other.begun);
}

function parsed(key: string): Place {
  const [begun = "", page = "", span = "", kind] = key.slice(PREFIX.length).split(".");
  return { key, begun: Number(begun), page, span, form: kind === "form" };
}
