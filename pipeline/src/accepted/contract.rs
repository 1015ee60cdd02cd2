//! Gate 3b: what a plugin says of itself once it is run. It is asked last, and of nothing that another gate refuses.

use aisoc_discovery::Discovered;
use aisoc_manifests::fault::Result;

use crate::contract::Contract;

/// Asks plugins, and gives an answer for each, in their order.
pub type ContractCheck<'a> = dyn Fn(&[&Discovered]) -> Result<Vec<Contract>> + 'a;
