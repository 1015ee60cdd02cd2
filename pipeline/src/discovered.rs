//! What is here: the plugins of every source, found in one pass.
//!
//! Whether they may be loaded is asked of them one by one afterwards, by whoever lists, trusts or loads them.

pub use aisoc_discovery::{
    Discovered, Discovery, Failed, Kind, Note, Origin, Source as PluginSource, Sources, discover,
};
