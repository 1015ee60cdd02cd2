//! How much a plugin may ask for, and how long it may take. Each figure ends one attack.

use std::time::Duration;

/// Longest URL: servers take 8 KiB.
pub(crate) const MAX_URL_BYTES: usize = 8 << 10;
/// Longest host: no name server takes a longer one, and a log holds it whole.
pub(crate) const MAX_HOST_BYTES: usize = 253;
/// Most that is sent of one request, its URL and its headers with it: what a plugin knows, sent away at once. It fits into an ask
/// of the host in base64.
pub(crate) const MAX_SENT_BYTES: usize = 64 << 10;
/// Most that is taken of one answer: a server that sends without end. It fits into a reply to a plugin in base64.
pub(crate) const MAX_RECEIVED_BYTES: usize = 2 << 20;
/// Most that is read before there is an answer: interim ones (1xx) without end, and heads that are as long.
pub(crate) const MAX_HEAD_BYTES: usize = 64 << 10;
/// Most bytes that are read of a server until TLS is agreed on, and beyond that for its records, beside what they hold.
pub(crate) const MAX_HANDSHAKE_BYTES: usize = 64 << 10;
/// Most that is read behind that, beyond twice its body: what cuts it into chunks, without end.
pub(crate) const MAX_FRAMING_BYTES: usize = 64 << 10;
/// Most headers of a request, and of an answer.
pub(crate) const MAX_HEADERS: usize = 64;
/// Longest value of a header of a request.
pub(crate) const MAX_HEADER_BYTES: usize = 8 << 10;
/// Most hops of a redirect.
pub(crate) const MAX_HOPS: usize = 5;
/// Most requests of one plugin at a time.
pub(crate) const MAX_AT_A_TIME: usize = 8;
/// Most destinations of one plugin.
pub(crate) const MAX_DESTINATIONS: usize = 256;
/// Most requests that an operator may let a plugin make in a minute.
pub(crate) const MAX_PER_MINUTE: u32 = 60_000;
/// Most that is taken of the answer of a provider.
pub(crate) const MAX_PROVIDED_BYTES: usize = 256 << 10;
/// Most asks of all plugins at a time that wait for one provider.
pub(crate) const MAX_OF_PROVIDER: usize = 64;
/// Most plugins of which is known how often each has asked a provider lately.
pub(crate) const MAX_ASKERS: usize = 4_096;
/// Longest token that is shown to a provider.
pub(crate) const MAX_TOKEN_BYTES: usize = 4 << 10;
/// Longest wait for a connection: an address where nobody answers.
pub(crate) const LONGEST_CONNECT: Duration = Duration::from_secs(10);
/// Longest that a request takes with all its hops: a byte now and then.
pub(crate) const LONGEST_FETCH: Duration = Duration::from_secs(30);
