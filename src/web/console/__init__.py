"""The console: pages for people.

Add a page: one module here, with a handler under `@page(path, title=..., order=...)` that returns a View, and its template in
`templates/console`, which extends `base.html` and uses `macros.html`. The navigation, access, live updates, errors and headers
follow from that. What a page does is an `@action(path)`: a POST that returns Done, a sentence and where to go.

A View's data decides whether the page has changed: API models, rows of models, plain values. Regions of a template that are
marked `data-live` and have an id are kept up to date by console.js; give each row of a list in them a `data-key`.
"""
