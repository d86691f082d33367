//! Requests that can be read in two ways are turned away: what stands between a caller and the engine may have read them the other way.

use axum::{
    extract::Request,
    http::{
        HeaderName, HeaderValue, StatusCode, Version,
        header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, TRANSFER_ENCODING},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::problem::Problem;
use crate::engine::{AS_HEADER, CODE_HEADER};

/// Lets a request pass that says each thing once.
pub(super) async fn plain(request: Request, next: Next) -> Response {
    if let Err(problem) = look(&request) {
        return problem.into_response();
    }
    // A length beside the chunks is passed over, and whoever went by it would take the rest for another request: there is none.
    let is_last = request.headers().contains_key(TRANSFER_ENCODING);
    let mut response = next.run(request).await;
    if is_last {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn look(request: &Request) -> Result<(), Problem> {
    let said = |name: &HeaderName| request.headers().get_all(name).iter().count();
    let hosts = said(&HOST);
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Err(ambiguous(format!("{hosts} headers Host, and HTTP/1.1 wants one")));
    }
    let own = [AS_HEADER, CODE_HEADER].map(HeaderName::from_static);
    match own.iter().chain([&AUTHORIZATION, &CONTENT_TYPE]).find(|name| said(name) > 1) {
        Some(name) => Err(ambiguous(format!("the header {name} came more than once"))),
        None => Ok(()),
    }
}

fn ambiguous(message: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "ambiguous", message).hint("send each header once")
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn is_plain(version: Version, headers: &[(&str, &str)]) -> bool {
        let request = headers
            .iter()
            .fold(Request::builder().version(version), |request, (name, value)| request.header(*name, *value));
        look(&request.body(Body::empty()).unwrap()).is_ok()
    }

    #[test]
    fn each_thing_is_said_once() {
        assert!(is_plain(Version::HTTP_11, &[("host", "engine"), ("x-codeblue-as", "alice")]));
        assert!(is_plain(Version::HTTP_10, &[]), "an old client names no host");
        assert!(!is_plain(Version::HTTP_11, &[]));
        assert!(!is_plain(Version::HTTP_11, &[("host", "engine"), ("host", "other")]));
        for name in ["authorization", "x-codeblue-as", "x-codeblue-code", "content-type"] {
            assert!(!is_plain(Version::HTTP_11, &[("host", "engine"), (name, "a"), (name, "b")]), "{name}");
        }
    }
}
