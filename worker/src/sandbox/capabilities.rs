//! The capabilities of whoever confines a plugin: none is left when the plugin begins.

use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
};

use super::layer::Failed;
use crate::nobody::is_root;

/// Gives up every capability, and every way to one. Whoever is root keeps what it takes to become nobody, which the plugin
/// loses with that.
pub(crate) fn drop_capabilities() -> Result<(), Failed> {
    let failed = |act| Failed::to::<rustix::io::Errno>(act);
    for number in 0..64 {
        // Of one that this kernel does not know nothing has to be given up.
        let _ = remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number));
    }
    clear_ambient_capability_set().map_err(failed("give up capabilities"))?;
    let kept = if is_root() { CapabilitySet::SETUID | CapabilitySet::SETGID } else { CapabilitySet::empty() };
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).map_err(failed("give up capabilities"))
}
