//! The module: a shared library that speaks to tokens of one kind.

use std::path::{Path, PathBuf};

use aisoc_signing::Pkcs11Uri;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};

use crate::refusal::Refusal;

/// Where distributions put modules.
const PLACES: [&str; 9] = [
    "/usr/lib/x86_64-linux-gnu/pkcs11",
    "/usr/lib/aarch64-linux-gnu/pkcs11",
    "/usr/lib64/pkcs11",
    "/usr/lib/pkcs11",
    "/usr/local/lib/pkcs11",
    "/usr/lib/softhsm",
    "/usr/lib64/softhsm",
    "/usr/local/lib/softhsm",
    "/usr/lib/x86_64-linux-gnu/softhsm",
];

/// Loads the module that the URI names. It is code of somebody else in this process, which is why there is one.
pub(crate) fn load(uri: &Pkcs11Uri) -> Result<Pkcs11, Refusal> {
    let path = path_of(uri)?;
    let module = Pkcs11::new(&path).map_err(Refusal::by_module("the module cannot be loaded"))?;
    let initialized = module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
    initialized.map_err(Refusal::by_module("the module cannot be used"))?;
    Ok(module)
}

fn path_of(uri: &Pkcs11Uri) -> Result<PathBuf, Refusal> {
    match (uri.text("module-path"), uri.text("module-name")) {
        // A name alone would be looked for by the loader, in places that variables name.
        (Some(path), None) if path.starts_with('/') => Ok(path.into()),
        (Some(_), None) => Err(Refusal::of("`module-path` is no path from `/` on")),
        (None, Some(name)) if !name.contains('/') => find(name),
        (None, Some(_)) => Err(Refusal::of("`module-name` is a path; `module-path` takes one")),
        _ => Err(Refusal::of("the URI names two modules, `module-path` and `module-name`")),
    }
}

fn find(name: &str) -> Result<PathBuf, Refusal> {
    let files = [format!("{name}.so"), format!("lib{name}.so")];
    let paths = PLACES.iter().flat_map(|place| files.iter().map(|file| Path::new(place).join(file)));
    paths.into_iter().find(|path| path.is_file()).ok_or_else(|| {
        Refusal::of(
            "no module of that name is where distributions put them; name it with `module-path=/usr/lib/MODULE.so`",
        )
    })
}
