//! The query of a request.

/// The value of a query parameter, percent-decoded; the first, where it stands several times.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    values(query, name).next()
}

/// The values of a query parameter that may stand several times, percent-decoded, in their order.
pub(crate) fn parameters(query: &str, name: &str) -> Vec<String> {
    values(query, name).collect()
}

fn values(query: &str, name: &str) -> impl Iterator<Item = String> {
    form_urlencoded::parse(query.as_bytes()).filter(move |(key, _)| key == name).map(|(_, value)| value.into_owned())
}
