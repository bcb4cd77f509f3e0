import { after } from "./page";
import { judge, withShown } from "./outcome";
import type { FindEnding, FormEnding, FormSent } from "./inheritance";
import type { Settings } from "./settings";
import { Shown } from "./shown";

const APART_MILLISECONDS = 1_000;

/** Say how the form's save ended that led to this page; nothing where another way led here. */
export function landing(settings: Settings): FindEnding {
  return async (sent): Promise<FormEnding | undefined> => {
    const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
    if (!navigation || !hasLedHere(sent, navigation)) {
      return undefined;
    }
    await drawn();
    const ending = judge(
      {
        // Absent in older browsers, and 0 where the browser does not tell.
        status: navigation.responseStatus ?? 0,
        phrase: "",
        address: new URL(location.href),
        redirected: location.origin + location.pathname !== sent.address,
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

/** Return whether the way to this page began where and when the form was sent, through whatever redirects. */
function hasLedHere({ begun, page }: FormSent, { type }: PerformanceNavigationTiming): boolean {
  const { referrer } = document;
  const fromThere = referrer === "" || page === referrer || new URL(page).origin + "/" === referrer;
  return type === "navigate" && fromThere && Math.abs(performance.timeOrigin - begun) < APART_MILLISECONDS;
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
