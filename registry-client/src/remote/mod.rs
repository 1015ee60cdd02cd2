//! `Remote`: one repository of a registry, over HTTP.
//!
//! One file per endpoint (`manifests`, `deletion`, `blobs`, `download`, `uploads`, `chunks`, `tags`, `catalog`, `referrers`, `token`) over shared
//! plumbing, which is read from the bottom up: `wire` exchanges, `send` authenticates and tries again,
//! `answer` bounds what comes back and `refusal` turns a no into a fault. `mirrors` says who else is asked, and `whole`
//! believes none of them. Nothing a registry says about a
//! digest is believed: what counts is the hash of the bytes. Source: distribution specification 1.1; the
//! endpoints are named by its ids (`end-3`).

mod answer;
mod auth;
mod authorization;
mod blobs;
mod broken;
mod call;
mod catalog;
mod challenge;
mod chunks;
mod clients;
mod connection;
mod credentials;
mod deletion;
mod download;
mod kept;
mod kept_session;
mod logins;
mod manifests;
mod mirrors;
mod origin;
mod outgoing;
mod pieces;
mod proxy;
mod pulse;
mod reach;
mod redirect;
mod referrers;
mod refusal;
mod repository;
mod scope;
mod send;
mod service;
mod session;
mod status;
mod tags;
mod timestamp;
mod tls;
mod token;
mod tries;
mod uploads;
mod warnings;
mod whole;
mod wire;

pub use catalog::repositories;
pub use credentials::{ForgottenLogin, KeptLogin, LoginFile, LoginOrigin, LoginPart, PassedOver, WhyPassed};
pub use logins::{
    CheckedLogin, ExplainedLogin, FoundLogin, LoginKind, check_login, explain_login, forget_login, keep_login,
};
pub use repository::Remote;
pub use scope::Scope;
pub use service::{ServiceAnswer, ServiceClient};
pub use timestamp::{ask_for_timestamp, check_timestamp_url};
pub use tls::{client_tls, is_of_tls, no_tls, signature_verifiers, tls_provider, tls_trouble};
