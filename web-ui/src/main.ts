import { mount } from "svelte";
import App from "./App.svelte";
import "./app.css";
import { look } from "./state/look.svelte";

look.begin();
mount(App, { target: document.getElementById("page")! });

if ("serviceWorker" in navigator && import.meta.env.PROD) {
  void navigator.serviceWorker.register("./sw.js").catch(() => undefined); // page works without
}
