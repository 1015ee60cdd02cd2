//! Who a child is, where whoever starts it is root.

/// The user and the group that own nothing.
pub(crate) const NOBODY: u32 = 65534;

/// Whether a child is to be somebody else.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
