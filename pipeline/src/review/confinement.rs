//! What keeps a plugin from what it did not ask for, in words for whoever reviews it.
//!
//! Two things do, and neither stands in for the other: the kernel, where `aisoc serve` runs it, and the context, through which
//! a host opens what was declared. A drop-in is declared by nobody.

use aisoc_discovery::{Discovered, Kind, Source};
use aisoc_worker::Sandbox;

const DATA: &str = "it is data, and nothing of it runs";
const BY_CONTEXT: &str = "a host opens to it what it asks for and nothing else, through its context";
const IMPORTED: &str =
    "capabilities are what its context gives it, and a host that imports it keeps nothing else from it";
const COMPILED: &str =
    "it is a part of its host's program, and capabilities confine what its context gives it and nothing else";
const UNCONFINED: &str = "with full process privileges: it reads and writes the data directory, speaks to other machines \
                          past every broker and its rates, imports any package and reaches providers through their \
                          wrappers";

/// Of a plugin of the plugins directory, here or offered.
pub(super) fn of_directory(sandbox: Sandbox) -> String {
    format!("{BY_CONTEXT}; {}", by_the_kernel(sandbox))
}

/// Of a plugin that is beside the plugins directory.
pub(super) fn of_listed(plugin: &Discovered, sandbox: Sandbox) -> String {
    match (plugin.source, plugin.kind) {
        (_, Kind::Domain) => DATA.to_owned(),
        (Source::Dropin, _) => format!(
            "{}; a host that imports it runs it {UNCONFINED}. It has no context, and what it declares changes nothing of \
             this: capabilities do not confine it",
            by_the_kernel(sandbox)
        ),
        (Source::EntryPoint, _) => format!("{IMPORTED}; {}", by_the_kernel(sandbox)),
        (Source::Compiled, _) => COMPILED.to_owned(),
        (Source::Dir | Source::Oci, _) => of_directory(sandbox),
    }
}

/// What `aisoc serve`, started with the same setting, leaves it.
const fn by_the_kernel(sandbox: Sandbox) -> &'static str {
    match sandbox {
        Sandbox::Require => {
            "`aisoc serve` runs it in a process of its own behind every layer of confinement, or not at all \
             (AISOC_SANDBOX=require): it reads its own files and Python's, writes to a scratch, and has no network"
        }
        Sandbox::BestEffort => {
            "`aisoc serve` runs it in a process of its own behind the layers of confinement that the kernel gives \
             (AISOC_SANDBOX=best-effort, `aisoc doctor`); with all of them it reads its own files and Python's, writes to \
             a scratch, and has no network"
        }
        Sandbox::Off => {
            "`aisoc serve` runs it in a process of its own, and nothing confines that (AISOC_SANDBOX=off): it may what \
             the user of the host may"
        }
    }
}
