import { after } from "./page";
import { judge, withShown } from "./outcome";
import type { FindEnding, FormEnding } from "./inheritance";
import type { Settings } from "./settings";
import { Shown } from "./shown";

const APART_MILLISECONDS = 3_000;

/** Say how the form's save ended that led to this page; nothing where another way led here. */
export function landing(settings: Settings): FindEnding {
  return async ({ begun }, asked): Promise<FormEnding | undefined> => {
    const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
    const led = navigation?.type === "navigate" && Math.abs(performance.timeOrigin - begun) < APART_MILLISECONDS;
    if (!navigation || !led) {
      return undefined;
    }
    await drawn();
    const ending = judge(
      {
        // Absent in older browsers, and 0 where the browser does not tell.
        status: navigation.responseStatus ?? 0,
        phrase: "",
        address: new URL(location.href),
        redirected: location.origin + location.pathname !== asked,
        isHtml: true,
        isLogin: document.querySelector("input[type=password]") !== null,
        wantedJson: false,
        mayRedirect: true,
        json: undefined,
      },
      settings,
    );
    const shown = await new Shown(settings.text ? settings.errorSelector : "").after("", ending.code !== "");
    return { ending: shown ? withShown(ending, shown) : ending, at: performance.timeOrigin + navigation.responseEnd };
  };
}

function drawn(): Promise<void> {
  return new Promise((resolve) => {
    if (document.readyState === "loading") {
      document.addEventListener("DOMContentLoaded", () => after(0, resolve), { once: true });
    } else {
      resolve();
    }
  });
}
