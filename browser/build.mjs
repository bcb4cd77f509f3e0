// Builds the one file that pages load. The same sources and package-lock.json give the same bytes.
import { build } from "esbuild";
import { readFileSync } from "node:fs";

const { version } = JSON.parse(readFileSync("package.json", "utf8"));

await build({
  entryPoints: ["source/index.ts"],
  outfile: process.argv[2],
  bundle: true,
  minify: true,
  format: "iife",
  // A browser that is older cannot read the script at all, which changes nothing for its user.
  target: "es2018",
  charset: "ascii",
  legalComments: "none",
  banner: { js: `/* otel-savetrace ${version}, Apache-2.0; with OpenTelemetry JavaScript, Apache-2.0 */` },
  define: { VERSION: JSON.stringify(version), JSON: "keptJSON" },
  inject: ["source/kept_json.ts"],
});
