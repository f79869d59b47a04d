// Svelte with runes everywhere; styles go into a file of their own, since the page forbids inline ones.
export default { compilerOptions: { runes: true, css: "external" } };
