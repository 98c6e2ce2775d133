// Show the document that the page names; calls tried here carry the token that "Authorize" was given.
"use strict";

const place = document.getElementById("swagger-ui");
SwaggerUIBundle({
    url: place.dataset.document,
    domNode: place,
    deepLinking: true,
    presets: [SwaggerUIBundle.presets.apis],
});
