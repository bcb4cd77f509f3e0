/** Stands for `JSON` in all that is bundled, since a page may put something else in its place. */
const { parse, stringify } = globalThis["JSON" as keyof typeof globalThis] as typeof JSON;

export const keptJSON = { parse, stringify };
