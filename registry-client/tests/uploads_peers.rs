//! An upload over a line that breaks, to the registry `distribution` as a process of its own.
//! The peer is the one that `checks/interop/peers/install` has built; without it there is nothing to ask.
#![expect(clippy::disallowed_methods, reason = "where the peer is, is the environment's to say")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use aisoc_manifests::oci::Descriptor;
use aisoc_registry_client::{BlobSource, ClientOptions, Fetch as _, Notice, Push as _, Pushed, Target, Told};
use support::{options, reference};

const MIB: usize = 1 << 20;

/// The peer's program, where it was built.
fn peer() -> Option<PathBuf> {
    let cache = || std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let usual = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let named = std::env::var_os("AISOC_PEERS_DIR").map(PathBuf::from);
    let peers = named.or_else(|| Some(cache().or_else(usual)?.join("aisoc-peers")))?;
    Some(peers.join("bin/registry")).filter(|program| program.is_file())
}

/// A registry that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn distribution(program: &Path, store: &Path) -> (Process, SocketAddr) {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let configuration = store.join("config.yml");
    let text = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '{free}', secret: of-the-test}}\n",
        store.join("root").display()
    );
    std::fs::write(&configuration, text).expect("written");
    let mut command = Command::new(program);
    let child = command.arg("serve").arg(configuration).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let process = Process(child.expect("started"));
    let end = Instant::now() + Duration::from_secs(20);
    // Whoever asks a port of this machine at which nobody listens may be given that very port, and reaches himself.
    let listens = || TcpStream::connect(free).is_ok_and(|stream| stream.local_addr().is_ok_and(|own| own != free));
    while !listens() {
        assert!(Instant::now() < end, "the peer does not listen");
        thread::sleep(Duration::from_millis(50));
    }
    (process, free)
}

/// A line to `to` on which the first `breaks` connections that carry more than `after` bytes up are cut there.
fn breaking_line(to: SocketAddr, after: usize, breaks: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let left = Arc::new(AtomicUsize::new(breaks));
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, left) = (client.expect("a connection"), Arc::clone(&left));
            let server = TcpStream::connect(to).expect("the registry");
            let (mut down, mut up) = (server.try_clone().expect("a handle"), client.try_clone().expect("a handle"));
            thread::spawn(move || {
                let _ = std::io::copy(&mut down, &mut up);
                let _ = up.shutdown(Shutdown::Both);
            });
            thread::spawn(move || carry(client, server, after, &left));
        }
    });
    address
}

fn carry(mut client: TcpStream, mut server: TcpStream, after: usize, left: &AtomicUsize) {
    let (mut carried, mut buffer) = (0, vec![0; 64 << 10]);
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        if server.write_all(&buffer[..read]).is_err() {
            break;
        }
        carried += read;
        let is_broken = carried > after
            && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if is_broken {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
}

#[tokio::test]
async fn distribution_is_gone_on_with_where_the_line_broke() {
    let Some(program) = peer() else {
        println!("skip: no `registry` among the peers; checks/interop/peers/install builds it");
        return;
    };
    let store = tempfile::tempdir().expect("a directory");
    let (_process, registry) = distribution(&program, store.path());
    let bytes: Vec<u8> = (0..24 * MIB).map(|at| (at % 251) as u8 ^ (at >> 12) as u8).collect();
    for breaks in [1, 3] {
        let line = breaking_line(registry, 6 * MIB, breaks);
        let heard: Arc<Mutex<Vec<u64>>> = Arc::default();
        let hears = Arc::clone(&heard);
        let hear = move |notice: &Notice<'_>| {
            if let Notice::GoesOn { offset, .. } = notice {
                hears.lock().expect("whole").push(*offset);
            }
        };
        let with = ClientOptions { told: Told::by(hear), ..options() };
        let place = reference(&format!("127.0.0.1:{}/plugin-{breaks}:1", line.port()));
        let target = Target::create(&place, &with).expect("a target");
        let descriptor = Descriptor::of("application/octet-stream", &bytes);
        let source = BlobSource::Bytes(bytes.clone().into());
        let pushed = target.push_blob(&descriptor, &source).await.expect("pushed");
        assert_eq!(pushed, Pushed::Uploaded);
        assert!(target.fetch_blob_bytes(&descriptor, u64::MAX).await.expect("there") == bytes, "other bytes");
        let heard = heard.lock().expect("whole").clone();
        println!("distribution, {breaks} breaks: went on at {heard:?} of {}", bytes.len());
        // More often where the registry was still taking what had come when it was asked: it says 416, and is asked again.
        assert!(heard.len() >= breaks, "{heard:?}");
        // How much of what was on its way the registry has read when the line breaks, is up to the system.
        assert!(heard.is_sorted_by(|one, next| one < next) && heard[0] >= MIB as u64, "{heard:?}");
    }
}
