// One stream of snapshots for the page; it comes back by itself, whatever ended it.

const SILENCE_MS = 6_000;
const PAUSE_FIRST_MS = 500;
const PAUSE_MAX_MS = 5_000;

export function watch(tenant, { onSnapshot, onState }) {
  let source = null;
  let watchdog = 0;
  let pause = PAUSE_FIRST_MS;

  function open() {
    source?.close();
    const query = tenant ? `?tenant=${encodeURIComponent(tenant)}` : "";
    source = new EventSource(`/live${query}`);
    source.addEventListener("snapshot", (event) => {
      pause = PAUSE_FIRST_MS;
      guard();
      onState("live");
      onSnapshot(JSON.parse(event.data));
    });
    source.addEventListener("unavailable", (event) => {
      guard();
      onState("waiting", JSON.parse(event.data).message);
    });
    source.onerror = () => again();
    guard();
  }

  // The browser tries again after some faults only, and never notices a silent line.
  function again() {
    onState("lost");
    source.close();
    clearTimeout(watchdog);
    watchdog = setTimeout(open, pause);
    pause = Math.min(pause * 2, PAUSE_MAX_MS);
  }

  function guard() {
    clearTimeout(watchdog);
    watchdog = setTimeout(again, SILENCE_MS);
  }

  open();
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => {
    if (event.persisted) open();
  });
}
