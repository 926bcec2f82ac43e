// Node's own import: vitest would transform what is imported.
module.exports = (url) => import(url);
