//! The mirrors of one registry, as they are written: `"HOST[/PREFIX]"`, or `{ registry = "HOST[/PREFIX]", resolve = true }`
//! for one whose word is taken for what a tag names.
//!
//! Modelled on containers-registries.conf(5), where `pull-from-mirror` says what a mirror may answer, and on containerd's
//! `hosts.toml`, where `resolve` is a capability of its own. Unlike both, a mirror that is merely listed answers no tag:
//! a digest proves itself, and what a tag names is somebody's word.

use aisoc_manifests::reference::Reference;
use aisoc_manifests::text::shown;
use toml::{Spanned, Table, Value};

use super::setting::{RegistryMirror, key};

/// What is wrong, and at which byte.
pub(super) type Written<T> = Result<T, (usize, String)>;

/// How much of what stands in place of a mirror is shown.
const MAX_SHOWN: usize = 120;
/// Most mirrors of one registry: each that is down is waited for.
const MAX_MIRRORS: usize = 8;
/// What a mirror is called in a table of its own.
const REGISTRY: &str = "registry";
/// Whether its word is taken for tags.
const RESOLVE: &str = "resolve";

/// The mirrors of the registry that [`key`] calls `of`, each with where it stands.
pub(super) fn read(written: Spanned<Vec<Spanned<Value>>>, of: &str) -> Written<Vec<(usize, RegistryMirror)>> {
    let at = written.span().start;
    let written = written.into_inner();
    if written.is_empty() {
        return Err((at, "`mirrors` names none".to_owned()));
    }
    let mut read: Vec<(usize, RegistryMirror)> = Vec::new();
    for value in written {
        let at = value.span().start;
        let mirror = mirror(value.get_ref()).map_err(|message| (at, message))?;
        if read.len() >= MAX_MIRRORS {
            return Err((at, format!("there are more than {MAX_MIRRORS} mirrors of one registry")));
        }
        let host = key(&mirror.registry);
        if host == of && mirror.prefix.is_none() {
            return Err((at, format!("the registry `{of}` is no mirror of itself")));
        }
        let is_same = |(_, known): &(_, RegistryMirror)| key(&known.registry) == host && known.prefix == mirror.prefix;
        if read.iter().any(is_same) {
            return Err((at, format!("the mirror `{mirror}` stands here twice")));
        }
        read.push((at, mirror));
    }
    Ok(read)
}

fn mirror(value: &Value) -> Result<RegistryMirror, String> {
    match value {
        Value::String(place) => named(place, false),
        Value::Table(table) => of_table(table),
        other => Err(format!("a mirror is `\"HOST[/PREFIX]\"` or a table, and not {}", other.type_str())),
    }
}

fn of_table(table: &Table) -> Result<RegistryMirror, String> {
    if let Some(unknown) = table.keys().find(|key| !matches!(key.as_str(), REGISTRY | RESOLVE)) {
        let found = shown(unknown, MAX_SHOWN);
        return Err(format!("a mirror has `{REGISTRY}` and `{RESOLVE}`, and no `{found}`"));
    }
    let resolves = match table.get(RESOLVE) {
        None => false,
        Some(Value::Boolean(resolves)) => *resolves,
        Some(other) => return Err(format!("`{RESOLVE}` is `true` or `false`, and not {}", other.type_str())),
    };
    match table.get(REGISTRY) {
        Some(Value::String(place)) => named(place, resolves),
        _ => Err(format!("the mirror has no `{REGISTRY} = \"HOST[/PREFIX]\"`")),
    }
}

/// Any repository: a place is read as references to what is in it are.
const ANY: &str = "any";

/// The mirror at that place. What stands before an `@` may be a password, and is not repeated.
fn named(place: &str, resolves: bool) -> Result<RegistryMirror, String> {
    let no_mirror = || match place.contains('@') {
        true => "a mirror is `HOST[/PREFIX]`: user names, tags and digests have no place here".to_owned(),
        false => format!("a mirror is `HOST[/PREFIX]`, without a scheme, and not `{}`", shown(place, MAX_SHOWN)),
    };
    let Ok(Reference::Registry(reference)) = format!("{place}/{ANY}").parse() else { return Err(no_mirror()) };
    let prefix = match reference.repository().strip_suffix(ANY) {
        Some("") => None,
        Some(prefix) => prefix.strip_suffix('/').map(str::to_owned),
        None => return Err(no_mirror()),
    };
    if reference.tag().is_some() || reference.digest().is_some() {
        return Err(no_mirror());
    }
    Ok(RegistryMirror { registry: (&reference).into(), prefix, resolves })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_a_host_and_where_in_it_the_same_is_held() {
        for (place, registry, prefix) in [
            ("mirror.corp:5000", "mirror.corp:5000", None),
            ("Mirror.corp/ghcr", "mirror.corp", Some("ghcr")),
            ("mirror.corp/hub/ghcr.io", "mirror.corp", Some("hub/ghcr.io")),
            ("mirror.corp/any", "mirror.corp", Some("any")),
            ("localhost:5000", "localhost:5000", None),
            ("[::1]:5000/a", "[::1]:5000", Some("a")),
        ] {
            let mirror = named(place, false).expect(place);
            assert_eq!((mirror.registry.as_str(), mirror.prefix.as_deref()), (registry, prefix), "{place}");
            assert_eq!(mirror.to_string(), place.to_lowercase());
            let expected = prefix.map_or("team/x".to_owned(), |prefix| format!("{prefix}/team/x"));
            assert_eq!(mirror.repository("team/x"), expected);
        }
        for place in ["", "mirror", "mirror.corp/", "mirror.corp/A", "mirror.corp/a:1", "mirror.corp//a", "/a", "a.b c"]
        {
            assert!(named(place, false).expect_err(place).contains("HOST[/PREFIX]"), "{place}");
        }
        assert!(!named("u:hunter2@mirror.corp", false).expect_err("a login").contains("hunter2"));
    }
}
