//! Whether a host can load what is installed: a verdict about trust says nothing of that.

use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::{Problem, Profile, validate};
use aisoc_signing::Claim;

/// What keeps a host from loading it, by the rules of its plugin manager. Nobody is endangered by it, so that it is
/// said and refuses nothing.
pub(crate) fn unloadable(claim: &Claim) -> Vec<Problem> {
    let tree = claim.tree();
    let is_file = |path: &str| RelPath::parse(path).is_ok_and(|path| tree.files.get(&path).is_some());
    let is_directory = |path: &str| tree.files.iter().any(|(file, _)| file.as_str().starts_with(path));
    let has = |path: &str| if path.ends_with('/') { is_directory(path) } else { is_file(path) };
    validate(tree.manifest_file, &tree.manifest, &has, Profile::Manager)
}
