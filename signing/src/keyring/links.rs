//! `LinkOut`: a link that leads a key, or a note on one, out of the directory of keys.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::CWD;

/// How many links may stand on one way: as many as the kernel follows.
const MAX_LINKS: usize = 40;

/// The first link on the way to a file that leads out of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkOut {
    /// The link, from the directory of the keys on: the file itself, or one that it is led through.
    pub link: PathBuf,
    /// What it leads to, as it says it.
    pub target: PathBuf,
}

impl LinkOut {
    /// The first one on the way to `file` in the directory `top`, in whose own path no link is. A link in it, such as
    /// those by which clusters mount keys, is followed; one that leads out and in again leads out.
    pub(super) fn on_way(top: &Path, file: &Path) -> Option<Self> {
        let (mut here, mut rest, mut last) = (PathBuf::new(), steps(file), None);
        for _ in 0..=MAX_LINKS {
            loop {
                let step = rest.pop()?;
                let Some(name) = step else {
                    // Above the top, or from the root on.
                    if !here.pop() {
                        return last;
                    }
                    continue;
                };
                let next = here.join(name);
                let Ok(target) = rustix::fs::readlinkat(CWD, top.join(&next), Vec::new()) else {
                    here = next;
                    continue;
                };
                let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
                let is_absolute = target.is_absolute();
                rest.extend(steps(&target));
                last = Some(Self { link: next, target });
                if is_absolute {
                    return last;
                }
                break;
            }
        }
        // More than anybody can follow: nothing is read there.
        None
    }
}

/// The names of a path, the last one first; nothing for the directory above.
fn steps(path: &Path) -> Vec<Option<OsString>> {
    let step = |component: Component<'_>| match component {
        Component::Normal(name) => Some(Some(name.to_owned())),
        Component::ParentDir => Some(None),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    };
    path.components().rev().filter_map(step).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn keys(links: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        for directory in ["staged", "retired", "..2026"] {
            fs::create_dir_all(root.path().join("keys").join(directory)).expect("made");
        }
        for (link, target) in links {
            symlink(target, root.path().join("keys").join(link)).expect("linked");
        }
        root
    }

    fn out(root: &tempfile::TempDir, file: &str) -> Option<(String, String)> {
        let top = root.path().canonicalize().expect("a path").join("keys");
        let found = LinkOut::on_way(&top, Path::new(file))?;
        Some((found.link.display().to_string(), found.target.display().to_string()))
    }

    #[test]
    fn a_link_leads_out_as_soon_as_one_step_of_it_does() {
        for (file, target, expected) in [
            ("ops.pem", "other.pem", false),
            ("ops.pem", "..data/ops.pem", false),
            ("ops.pem", "./staged/../ops.pem", false),
            ("ops.pem", "/keys/ops.pem", true),
            ("ops.pem", "../ops.pem", true),
            ("ops.pem", "../keys/other.pem", true),
            ("ops.pem", "staged/../../keys/ops.pem", true),
            ("staged/ops.pem", "../other.pem", false),
            ("retired/ops.pem", "../../ops.pem", true),
        ] {
            let found = out(&keys(&[(file, target)]), file);
            assert_eq!(found.clone(), expected.then(|| (file.to_owned(), target.to_owned())), "{file} {target}");
        }
        assert_eq!(out(&keys(&[]), "ops.pem"), None, "no link");
    }

    #[test]
    fn a_chain_is_followed_to_its_end() {
        let mounted = [("..data", "..2026"), ("ops.pem", "..data/ops.pem")];
        assert_eq!(out(&keys(&mounted), "ops.pem"), None);
        let chain = [("a.pem", "b.pem"), ("b.pem", "staged/c.pem"), ("staged/c.pem", "../../d.pem")];
        let found = Some(("staged/c.pem".to_owned(), "../../d.pem".to_owned()));
        assert_eq!((out(&keys(&chain), "a.pem"), out(&keys(&chain), "b.pem")), (found.clone(), found));
        let through = [("..data", "/elsewhere"), ("ops.pem", "..data/ops.pem")];
        assert_eq!(out(&keys(&through), "ops.pem"), Some(("..data".to_owned(), "/elsewhere".to_owned())));
        assert_eq!(
            out(&keys(&[("revoked", "../r")]), "revoked/a.pem"),
            Some(("revoked".to_owned(), "../r".to_owned()))
        );
    }

    #[test]
    fn a_chain_without_an_end_ends() {
        assert_eq!(out(&keys(&[("a.pem", "b.pem"), ("b.pem", "a.pem")]), "a.pem"), None);
        for (count, is_followed) in [(39, true), (40, false)] {
            let root = keys(&[("0.pem", "../out.pem")]);
            for link in 1..=count {
                symlink(format!("{}.pem", link - 1), root.path().join(format!("keys/{link}.pem"))).expect("linked");
            }
            assert_eq!(out(&root, &format!("{count}.pem")).is_some(), is_followed, "{count}");
        }
    }
}
