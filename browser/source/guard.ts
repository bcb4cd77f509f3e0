/**
 * Run what is ours at a border with the page: whatever it raises ends here, and the page goes on.
 *
 * The page's own call is never made inside.
 */
export function guarded<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
