import { guarded } from "./guard";
import { markForm } from "./inheritance";
import { ANSWER_UNSEEN, unknown } from "./outcome";
import { listen } from "./page";
import type { Saves } from "./saves";

/**
 * See the saves that the page makes with forms.
 *
 * Just before a form is sent the browser gathers what is in it, and says so. It also says so where an app's own
 * script gathers it; that happens while the submission is still being decided on, or after it was refused.
 */
export function watchForms(saves: Saves): void {
  let submission: SubmitEvent | undefined;
  let sentByScript: HTMLFormElement | undefined;

  listen("submit", (event) => (submission = event as SubmitEvent), window, true);
  listen("formdata", (event) => {
    const decided = submission?.target === event.target && submission?.eventPhase === Event.NONE;
    if (event.target === sentByScript) {
      begin(saves, event as FormDataEvent, null);
    } else if (decided && !submission!.defaultPrevented) {
      begin(saves, event as FormDataEvent, submission!.submitter);
      submission = undefined;
    }
  });
  guarded(() => {
    const { prototype } = HTMLFormElement;
    const { submit } = prototype;
    prototype.submit = function (this: HTMLFormElement): void {
      sentByScript = this;
      try {
        submit.call(this);
      } finally {
        sentByScript = undefined;
      }
    };
  });
}

function begin(saves: Saves, { formData, target }: FormDataEvent, submitter: HTMLElement | null): void {
  const form = target as HTMLFormElement;
  const said = (name: "method" | "action" | "target"): string =>
    submitter?.getAttribute(`form${name}`) ?? form.getAttribute(name) ?? "";
  if (said("method").toLowerCase() === "dialog") {
    return;
  }
  const method = said("method").toUpperCase() === "POST" ? "POST" : "GET";
  const address = new URL(said("action") || location.href, document.baseURI);
  const save = saves.begin({ via: "form", method, address, body: textsOf(formData), joinable: false });
  if (save && /^(_self|_top|_parent)?$/i.test(said("target"))) {
    guarded(() => markForm(save.span.spanContext().spanId));
  } else {
    save?.end(unknown(ANSWER_UNSEEN)); // in another tab
  }
}

/** Return what is in a form that has no file in it: to read one takes longer than the page lives. */
function textsOf(data: FormData): FormData | undefined {
  let texts: FormData | undefined = data;
  data.forEach((value) => (texts = typeof value === "string" || !value.size ? texts : undefined));
  return texts;
}
