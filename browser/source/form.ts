import { guarded } from "./guard";
import { markForm } from "./inheritance";
import { after, listen } from "./page";
import type { Saves } from "./saves";

/**
 * See the saves that the page makes with forms.
 *
 * Just before a form is sent the browser gathers what is in it, whether by a click or by `form.submit()`, and
 * says so. That an app's own script gathers it too is told by the submission that follows: there is none.
 */
export function watchForms(saves: Saves): void {
  let submitted: HTMLFormElement | undefined;
  let submitter: HTMLElement | null = null;
  const submit = (form: HTMLFormElement, by: HTMLElement | null): void => {
    submitted = form;
    submitter = by;
    after(0, () => (submitted = undefined));
  };

  listen("submit", (event) => {
    if (!event.defaultPrevented) {
      submit(event.target as HTMLFormElement, (event as SubmitEvent).submitter);
    }
  });
  listen("formdata", (event) => {
    if (event.target === submitted) {
      guarded(() => begin(saves, event as FormDataEvent, submitter));
      submitted = undefined;
    }
  });
  guarded(() => {
    const { prototype } = HTMLFormElement;
    const original = prototype.submit;
    prototype.submit = function (this: HTMLFormElement): void {
      guarded(() => submit(this, null));
      original.call(this);
    };
  });
}

function begin(saves: Saves, { formData, target }: FormDataEvent, submitter: HTMLElement | null): void {
  const form = target as HTMLFormElement;
  const said = (name: "method" | "action" | "target"): string =>
    submitter?.getAttribute(`form${name}`) ?? form.getAttribute(name) ?? "";
  const method = said("method").toUpperCase() === "POST" ? "POST" : "GET";
  const address = new URL(said("action") || location.href, document.baseURI);
  const save = said("method").toLowerCase() === "dialog"
    ? undefined
    : saves.begin({ via: "form", method, address, body: textsOf(formData), joinable: false });
  if (save && /^(_self|_top|_parent)?$/i.test(said("target"))) {
    guarded(() => markForm(save.span.spanContext().spanId));
  }
}

/** Return what is in a form that has no file in it: to read one takes longer than the page lives. */
function textsOf(data: FormData): FormData | undefined {
  let texts: FormData | undefined = data;
  data.forEach((value) => (texts = typeof value === "string" || !value.size ? texts : undefined));
  return texts;
}
