//! The dashboard's files, which are part of the binary. It refuses to read any file of the machine.

use axum::body::Body;
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;
use rust_embed::RustEmbed;

/// What `npm run build` made of `dashboard/src`.
#[derive(RustEmbed)]
#[folder = "../../dashboard/dist"]
struct Built;

/// What a page may load: its own files, and nothing written into it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const REPORT: &str = "report.html";

/// The page of `tunesmith report`, with a place for its data.
pub fn report_page() -> String {
    let page = Built::get(REPORT).map(|file| file.data).unwrap_or_default();
    String::from_utf8_lossy(&page).into_owned()
}

/// The file of that path; `None` where there is none.
pub(crate) fn page(method: &Method, path: &str) -> Option<Response> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let name = match path.trim_start_matches('/') {
        "" => "index.html",
        REPORT => return None,
        name => name,
    };
    let file = Built::get(name)?;
    let kind = match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    // Names of assets change with their content.
    let keeping = if name.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let mut response = Response::new(Body::from(file.data));
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, keeping),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}
