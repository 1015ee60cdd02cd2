//! What was meant by a text that begins like a URL: tools beside this one write references and files so.

use crate::address::is_this_machine;

/// Schemes of other tools before what is a reference without them.
const OF_REGISTRIES: [&str; 4] = ["https://", "http://", "oci://", "docker://"];

/// What to write in place of `text`, which is no reference, if it is clear; else nothing.
pub(crate) fn meant(text: &str, is_reference: impl Fn(&str) -> bool) -> Option<String> {
    if let Some(rest) = text.strip_prefix("file:") {
        return Some(path_of_file(rest).filter(|path| is_plain(path)).map_or_else(
            || "write the path itself, without `file:`".to_owned(),
            |path| {
                format!(
                    "write the path itself: `{path}`; where only a reference is taken, `oci-archive:{path}` is an \
                     archive and `oci:{path}` a layout"
                )
            },
        ));
    }
    let rest = OF_REGISTRIES.iter().find_map(|scheme| text.strip_prefix(scheme))?;
    if rest.starts_with('/') && text.starts_with("oci:") && is_plain(rest) {
        return Some(format!("a layout directory is written `oci:{rest}`"));
    }
    let rest = rest.trim_end_matches('/');
    let over_http = if text.starts_with("http:") { "; HTTP is spoken with `--plain-http`" } else { "" };
    is_reference(rest).then(|| format!("leave the scheme out: `{rest}`{over_http}"))
}

/// The path of a `file:` URL (RFC 8089) of this machine, or of what only begins like one.
fn path_of_file(rest: &str) -> Option<&str> {
    match rest.strip_prefix("//") {
        None => Some(rest),
        Some(rest) if rest.starts_with('/') => Some(rest),
        Some(rest) => {
            let (host, _) = rest.split_once('/')?;
            is_this_machine(host).then(|| &rest[host.len()..])
        }
    }
}

/// Whether a shell takes it as one word as it stands. `%` may stand for another byte.
fn is_plain(path: &str) -> bool {
    let may_begin = path.starts_with(|first: char| first.is_ascii_alphanumeric() || "/._".contains(first));
    may_begin && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+@:".contains(&byte))
}

#[cfg(test)]
mod tests {
    use crate::reference::Reference;

    fn meant(text: &str) -> Option<String> {
        super::meant(text, |text| text.parse::<Reference>().is_ok())
    }

    #[test]
    fn what_is_meant_is_what_can_be_typed() {
        for (text, beginning) in [
            ("https://ghcr.io/o/p:1", "leave the scheme out: `ghcr.io/o/p:1`"),
            ("https://ghcr.io/o/p/", "leave the scheme out: `ghcr.io/o/p`"),
            ("docker://ghcr.io/o/p:1", "leave the scheme out: `ghcr.io/o/p:1`"),
            ("oci://ghcr.io/o/p:1", "leave the scheme out: `ghcr.io/o/p:1`"),
            ("http://localhost:5000/p:1", "leave the scheme out: `localhost:5000/p:1`; HTTP is spoken with"),
            ("oci:///srv/layout:1", "a layout directory is written `oci:/srv/layout:1`"),
            ("file:///srv/x.tar", "write the path itself: `/srv/x.tar`; "),
            ("file://localhost/srv/x.tar", "write the path itself: `/srv/x.tar`; "),
            ("file:demo", "write the path itself: `demo`; "),
            ("file:./demo", "write the path itself: `./demo`; "),
            ("file:///a%20b", "write the path itself, without `file:`"),
            ("file:///$(id)", "write the path itself, without `file:`"),
            ("file:-rf", "write the path itself, without `file:`"),
            ("file://host/x", "write the path itself, without `file:`"),
        ] {
            let said = meant(text).expect(text);
            assert!(said.starts_with(beginning), "{text}: {said}");
        }
        for text in
            ["https://user:secret@ghcr.io/o/p", "https://x", "https://", "ftp://ghcr.io/o/p", "oci:///$(id)", "x"]
        {
            assert_eq!(meant(text), None, "{text}");
        }
    }
}
