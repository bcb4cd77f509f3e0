/** A route in the form of `OTEL_SAVETRACE_SAVE_ROUTES`: `POST /save/<id>`, or `/save/<id>` for any method. */
export interface Route {
  method: string;
  rule: string;
  path: RegExp;
}

const WRITES = ["POST", "PUT", "PATCH", "DELETE"];
const VARIABLE = /<path:[^>]*>|<[^>]*>|\{[^}]*\}|\*/;

export function routesOf(text: string): Route[] {
  return text.split(",").map((entry) => entry.trim()).filter(Boolean).map(routeOf);
}

function routeOf(entry: string): Route {
  const [rule = "", method = ""] = entry.split(/\s+/).reverse();
  const fixed = rule.split(VARIABLE).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const variables = rule.match(new RegExp(VARIABLE, "g")) ?? [];
  const path = fixed.map((part, index) => part + patternOf(variables[index])).join("");
  return { method: method.toUpperCase(), rule, path: new RegExp(`^${path}$`) };
}

function patternOf(variable: string | undefined): string {
  if (variable === undefined) {
    return "";
  }
  return variable.startsWith("<path:") ? ".+" : "[^/]+";
}

/** Return the route that a request is named by; null where it is a save by its method alone; else undefined. */
export function saveRoute(routes: Route[], method: string, address: URL): Route | null | undefined {
  if (address.origin !== location.origin) {
    return undefined;
  }
  const named = routes.find((route) => (!route.method || route.method === method) && route.path.test(address.pathname));
  return named ?? (WRITES.includes(method) ? null : undefined);
}
