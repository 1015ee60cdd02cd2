#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod certificates;
pub mod copy;
pub mod graph;
pub mod layout;
pub mod limits;
pub mod named;
pub mod notice;
pub mod options;
pub mod remote;
pub mod settings;
mod side_by_side;
mod step;
pub mod storage;
pub mod target;
pub mod unreached;
pub mod worker;

pub use aisoc_connections::Slowest;
pub use certificates::{CertificateFile, Certificates};
pub use limits::{Limits, MAX_TIMESTAMP_ANSWER_BYTES};
pub use named::Named;
pub use notice::{Notice, Told};
pub use options::{
    ClientOptions, Credentials, DockerConfig, Login, LoginLimit, PlainHttp, Proxies, ProxyVariable, Secret, Timeout,
};
pub use remote::{
    CheckedLogin, ExplainedLogin, ForgottenLogin, FoundLogin, KeptLogin, LoginFile, LoginKind, LoginOrigin, LoginPart,
    PassedOver, ServiceAnswer, ServiceClient, WhyPassed, ask_for_timestamp, check_login, check_timestamp_url,
    explain_login, forget_login, keep_login, repositories,
};
pub use remote::{client_tls, is_of_tls, no_tls, signature_verifiers, tls_provider, tls_trouble};
pub use settings::{
    ClientCertificate, HeldSetting, KeyReader, LoginSources, RegistryMirror, RegistrySetting, RegistrySettings,
};
pub use storage::{
    BlobOrigin, BlobSource, BlobStream, Delete, Fetch, Manifest, ManifestName, Push, Pushed, Referrers, ReplaceTag,
    Resolve, Tagging,
};
pub use target::Target;
pub use unreached::Unreached;
pub use worker::Worker;
