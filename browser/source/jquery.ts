import { guarded } from "./guard";
import { listen } from "./page";
import type { Saves } from "./saves";

type Query = (of: unknown) => {
  on(event: string, heard: (event: unknown, answer: { statusText?: string }) => void): void;
};

/** Learn from jQuery which requests it calls off since their time is over: the browser calls that an abort. */
export function watchJquery(saves: Saves): void {
  const watch = (): void => {
    const query = (window as unknown as { jQuery?: Query }).jQuery;
    query?.(document).on("ajaxError", (_, { statusText }) => {
      guarded(() => statusText === "timeout" && saves.timeOut());
    });
  };
  if (document.readyState === "loading") {
    listen("DOMContentLoaded", () => guarded(watch), document);
  } else {
    guarded(watch);
  }
}
