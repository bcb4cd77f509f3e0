// Draws the charts and makes the list of episodes searchable. Without it the page can still be read.

const charts = JSON.parse(document.getElementById("charts").textContent);
const episodes = [...document.querySelectorAll("details.episode")];
const filters = document.querySelector("form.filters");
const search = document.getElementById("search");
const anytime = document.getElementById("anytime");
let picked = null;

/** Opens an episode and leads there, as an address with its name does. */
function open(name) {
  const episode = document.getElementById(name);
  if (!episode?.matches("details.episode")) return;
  episode.hidden = false;
  episode.open = true;
  episode.scrollIntoView({ block: "start" });
  episode.querySelector("summary").focus({ preventScroll: true });
}

function fits(episode) {
  const state = filters.querySelector(`input[value="${episode.dataset.state}"]`);
  const time = Number(episode.dataset.time);
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const text = episode.textContent.toLowerCase();
  return (
    state.checked &&
    (picked === null || (picked[0] <= time && time <= picked[1])) &&
    words.every((word) => text.includes(word))
  );
}

function filter() {
  if (!filters) return;
  let shown = 0;
  for (const episode of episodes) {
    episode.hidden = !fits(episode);
    shown += episode.hidden ? 0 : 1;
  }
  document.getElementById("shown").textContent = `${shown} of ${episodes.length}`;
  document.getElementById("none").hidden = shown > 0;
  anytime.hidden = picked === null;
}

/** Moves to the next episode that is shown, or to the one before. */
function step(forward) {
  const shown = episodes.filter((episode) => !episode.hidden);
  const here = shown.findIndex((episode) => episode.contains(document.activeElement));
  const next = here < 0 ? (forward ? 0 : shown.length - 1) : here + (forward ? 1 : -1);
  const summary = shown[next]?.querySelector("summary");
  summary?.focus();
  summary?.scrollIntoView({ block: "nearest" });
}

function themeShown() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

const theme = document.getElementById("theme");

function nameTheme() {
  theme.textContent = themeShown() === "dark" ? "Light" : "Dark";
}

function changeTheme() {
  document.documentElement.dataset.theme = themeShown() === "dark" ? "light" : "dark";
  nameTheme();
}

theme.hidden = false;
theme.addEventListener("click", changeTheme);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);
nameTheme();

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && filters) {
    search.value = "";
    search.blur();
    anytime.click();
    filter();
  }
  if (event.target === search) return;
  const keys = { j: () => step(true), k: () => step(false), t: changeTheme, "/": () => search?.focus() };
  const act = keys[event.key.toLowerCase()];
  if (act) {
    event.preventDefault();
    act();
  }
});

if (filters) {
  filters.hidden = false;
  filters.addEventListener("input", filter);
  filters.addEventListener("submit", (event) => event.preventDefault());
  filter();
}
addEventListener("hashchange", () => open(decodeURIComponent(location.hash.slice(1))));
open(decodeURIComponent(location.hash.slice(1)));

const drawn = [];
for (const place of document.querySelectorAll("[data-chart]")) {
  const name = place.dataset.chart;
  const { view } = await window.vegaEmbed(place, charts[name], {
    // Without it Vega would turn text into code, which the page's policy forbids.
    ast: true,
    actions: false,
    defaultStyle: false,
    renderer: "svg",
    tooltip: { disableDefaultStyle: true },
  });
  drawn.push(view);
  view.addEventListener("click", (event, item) => item?.datum?.episode && open(item.datum.episode));
  if (name === "failed-over-time") {
    view.addSignalListener("picked", (signal, stretch) => {
      picked = stretch.t ?? null;
      filter();
    });
    anytime?.addEventListener("click", () => {
      view.signal("picked_tuple", null).signal("picked_x", []).runAsync();
      picked = null;
      filter();
    });
  }
}
document.documentElement.dataset.drawn = String(drawn.length);
