//! `ServeOptions`: the limits of a registry, each of which ends one way to hold it up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aisoc_connections::ServerTls;
use aisoc_manifests::fault::Fault;
use aisoc_registry_client::Slowest;

use crate::access::Access;
use crate::access_log::AccessLog;

/// Most bytes of a document that one connection keeps in memory, on its way in or out. What is larger waits
/// in a file without a name: a few hundred clients that read slowly must not fill the memory.
pub(crate) const IN_MEMORY_BYTES: usize = 64 << 10;

/// Limits of a registry.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Largest blob that is taken.
    pub max_blob_bytes: u64,
    /// Connections served at a time. More wait, or take the place of one that does not get on.
    pub max_connections: usize,
    /// Connections of one other machine: it must not take all of them.
    pub max_connections_per_peer: usize,
    /// Uploads begun and not finished; beginning another forgets one of the repository that has most of them.
    pub max_uploads: usize,
    /// How long an upload waits for its client to come back.
    pub upload_timeout: Duration,
    /// Longest wait for the head of a request, and for the next bytes of its body.
    pub idle_timeout: Duration,
    /// Longest time for the body of one request, and for the reading of its answer.
    pub request_timeout: Duration,
    /// Slowest body that is taken, and slowest reader of an answer.
    pub slowest: Slowest,
    /// Documents that are worked on at a time: read and parsed, each takes many times its size.
    pub max_documents: usize,
    /// Names (`NAME` or `NAME:PORT`) under which the registry answers, besides its addresses and
    /// `localhost`.
    pub allowed_hosts: Vec<String>,
    /// Who may ask for what; everybody for everything where it is not said.
    pub access: Option<Arc<Access>>,
    /// What is shown to clients that come over TLS; without it HTTP is spoken as it is.
    pub tls: Option<Arc<ServerTls>>,
    /// Whether nothing is written, and the store need not be writable.
    pub read_only: bool,
    /// Where each request is noted.
    pub access_log: Option<Arc<AccessLog>>,
    /// Told what other tools cannot see in a repository, because its `index.json` cannot be written.
    pub tell_behind: Option<TellBehind>,
    /// How long open requests may take to end once the registry is told to stop.
    pub stop_timeout: Duration,
}

/// Whom a registry tells that an `index.json` is behind what its clients see. They go on; who reads the file does not.
#[derive(Clone)]
pub struct TellBehind(pub Arc<dyn Fn(&Fault) + Send + Sync>);

impl fmt::Debug for TellBehind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TellBehind")
    }
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            max_blob_bytes: 16 << 30,
            max_connections: 256,
            max_connections_per_peer: 64,
            max_uploads: 256,
            upload_timeout: Duration::from_secs(24 * 60 * 60),
            idle_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(60 * 60),
            slowest: Slowest::default(),
            max_documents: 4,
            allowed_hosts: Vec::new(),
            access: None,
            tls: None,
            read_only: false,
            access_log: None,
            tell_behind: None,
            stop_timeout: Duration::from_secs(5),
        }
    }
}
