// The dashboard's beginning.
import { mount } from "svelte";
import App from "./App.svelte";
import "./style/app.css";
import "./style/print.css";

mount(App, { target: document.getElementById("app")! });
