//! `aisoc registry ls`

use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::RepositoryList;
use aisoc_registry_client::repositories;

use crate::args::registry::LsArgs;
use crate::args::registry_place::RegistryPlace;
use crate::context::Context;
use crate::output::{Answer, printable};
use crate::runtime;

impl Answer for RepositoryList {
    fn text(&self) -> String {
        let line = |name: &String| format!("{}/{}\n", printable(&self.registry), printable(name));
        self.repositories.iter().map(line).collect()
    }
}

pub(crate) fn run(args: LsArgs, context: &Context) -> Result<u8> {
    let LsArgs { place: RegistryPlace { registry: host, repository }, registry } = args;
    let options = context.client_of(&registry, [&host])?;
    let below = Some(repository.as_str()).filter(|below| !below.is_empty());
    let listed = runtime::block_on(context.cancellation()?, repositories(&host, below, &options))?;
    context.output.answer(&RepositoryList { registry: host.to_string(), repositories: listed })
}
