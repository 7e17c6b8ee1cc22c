/// <reference lib="webworker" />
/** Keeps the page for use without a connection. The service's answers (/v1) are never kept:
 * pictures of one visit must not lie in the browser for the next. */

declare const __FILES__: string[];
declare const __VERSION__: string;

const sw = self as unknown as ServiceWorkerGlobalScope;
const PAGE = `page-${__VERSION__}`;
const DEVICE = "on-device"; // runtime and networks: large, fetched on first use, kept over versions

sw.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(PAGE);
      await cache.addAll(__FILES__.map((url) => new Request(url, { cache: "reload" })));
      await sw.skipWaiting();
    })(),
  );
});

sw.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) {
        if (name !== PAGE && name !== DEVICE) await caches.delete(name);
      }
      await sw.clients.claim();
    })(),
  );
});

sw.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const url = new URL(request.url);
  const scope = new URL(sw.registration.scope);
  if (url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return;
  const path = url.pathname.slice(scope.pathname.length);
  if (path.startsWith("runtime/") || path.startsWith("on-device/")) {
    event.respondWith(freshElseKept(request, path));
  } else if (request.mode === "navigate" ? path === "" : __FILES__.includes(path)) {
    event.respondWith(keptElseFetched(request));
  }
});

/** Networks are checked by hash before use, so an old copy can do no harm without a connection. */
async function freshElseKept(request: Request, path: string): Promise<Response> {
  const cache = await caches.open(DEVICE);
  const kept = await cache.match(request);
  if (kept && path !== "on-device/on-device.json") {
    void refresh(cache, request).catch(() => undefined);
    return kept;
  }
  try {
    return await refresh(cache, request);
  } catch (error) {
    if (kept) return kept;
    throw error;
  }
}

async function refresh(cache: Cache, request: Request): Promise<Response> {
  const answer = await fetch(request, { cache: "no-cache" });
  if (answer.ok) await cache.put(request, answer.clone());
  return answer;
}

async function keptElseFetched(request: Request): Promise<Response> {
  const cache = await caches.open(PAGE);
  return (await cache.match(request, { ignoreSearch: true })) ?? fetch(request);
}
