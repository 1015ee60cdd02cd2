//! The arguments of `aisoc api …`

use std::path::PathBuf;

use aisoc_host_client::HostPlace;
use aisoc_manifests::plugin::PluginType;
use clap::Args;

use super::known;

/// Which host is asked, and what is shown to it.
#[derive(Debug, Args)]
pub(crate) struct HostPlaceArgs {
    /// Where the host is: http://127.0.0.1:8000 on this machine, https://HOST[:PORT], or unix:PATH [default:
    /// $AISOC_HOST_URL, else http://127.0.0.1:8000]
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<HostPlace>,
    /// The file that holds the token to show, and - is standard input [default: what $AISOC_HOST_TOKEN holds, else none
    /// is shown]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<String>,
    /// Also trust the certificates in this PEM file
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// How many seconds to wait for the answer; of events, how long a host that was there may be gone
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
}

#[derive(Debug, Args)]
pub(crate) struct HostedListArgs {
    /// Only plugins of this type: action, connector, detection, enricher, responder or widget
    #[arg(long, value_name = "TYPE")]
    pub(crate) plugin_type: Option<String>,
    #[command(flatten)]
    pub(crate) host: HostPlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct HostArgs {
    #[command(flatten)]
    pub(crate) host: HostPlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct HostedPluginArgs {
    /// The plugin
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) host: HostPlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct HostedReloadArgs {
    /// The plugin
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// The name of the directory, in the host's plugins directory, that the plugin is loaded from, then and from then on
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) from: Option<String>,
    #[command(flatten)]
    pub(crate) host: HostPlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct HostedInstallArgs {
    /// What is installed: a reference into a registry, as the host reaches it
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
    /// Only if it is this plugin
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) host: HostPlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct HostedRollbackArgs {
    /// The plugin
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// The version, or the first characters of the artifact's digest [default: the newest that was replaced]
    #[arg(long, value_name = "VERSION|DIGEST")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) host: HostPlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Begin behind this event, as its id says it
    #[arg(long, value_name = "EVENT_ID", value_parser = event_id)]
    pub(crate) after: Option<String>,
    #[command(flatten)]
    pub(crate) host: HostPlaceArgs,
}

/// As hosts write them: digits, in parts.
fn event_id(text: &str) -> Result<String, String> {
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.len() <= 64 && text.split('-').all(is_part) {
        true => Ok(text.to_owned()),
        false => Err("it is no id of an event, such as 1795819107-4".to_owned()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct FireArgs {
    /// The hook, by its name: `aisoc hooks` lists them
    #[arg(value_name = "HOOK")]
    pub(crate) hook: String,
    /// What handlers are given by name: a JSON object, `@FILE` for one in a file, `@-` for one on standard input
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(crate) payload: String,
    /// What they make something of, where they do: a JSON value, given in the same way
    #[arg(long, value_name = "JSON")]
    pub(crate) value: Option<String>,
    /// Fire it only if answers are put together so: voting, filter_chain, score_delta or fire_and_forget
    #[arg(long, value_name = "SEMANTIC")]
    pub(crate) expect_semantic: Option<String>,
    #[command(flatten)]
    pub(crate) host: HostPlaceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// The plugin
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// What it is given: a JSON object, `@FILE` for one in a file, `@-` for one on standard input
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(crate) payload: String,
    /// On whose behalf: a JSON object, given in the same way
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(crate) context: String,
    /// Call it only if it is of this type: action, connector, detection, enricher, responder or widget
    #[arg(long, value_name = "TYPE", value_parser = known::plugin_type(), hide_possible_values = true)]
    pub(crate) expect_type: Option<PluginType>,
    #[command(flatten)]
    pub(crate) host: HostPlaceArgs,
}
