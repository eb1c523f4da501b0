// Starts Swagger UI on our own document; nothing is asked of any other server (no validator badge).
const root = document.getElementById("api");
SwaggerUIBundle({
  domNode: root,
  url: root.dataset.document,
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
