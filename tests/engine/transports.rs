//! The transports: socket files and their modes, abstract names.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use qmpsh::protocol::Bind;
use qmpsh::transport::Unix;
use rustix::io::Errno;
use tokio::net::{UnixListener, UnixStream};

use super::{error_text, null, read_to_end, within};
use crate::support::{sh, text_of};

/// A folder that is ours at any umask, and the path of a socket in it.
fn somewhere() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
    let path = folder.path().join("socket");
    (folder, path)
}

#[tokio::test]
async fn e03_a_socket_file_has_its_mode() {
    within(async {
        let (_folder, path) = somewhere();
        for (mode, address) in [(0o600, Unix::path(&path)), (0o666, Unix::Path { path: path.clone(), mode: 0o666 })] {
            let listener = address.bind().await.unwrap();
            let file = std::fs::symlink_metadata(&path).unwrap();
            assert!(file.file_type().is_socket());
            assert_eq!(format!("{:o}", file.mode() & 0o777), format!("{mode:o}"));
            drop(listener);
            assert!(!path.exists());
        }
    })
    .await;
}

/// The umask belongs to the process, so this runs the test before it again in a process for each.
#[test]
fn e03_a_socket_file_has_its_mode_at_any_umask() {
    for umask in ["0", "077", "0777"] {
        let output = sh("umask $1; shift; exec \"$@\"")
            .arg(umask)
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "engine::transports::e03_a_socket_file_has_its_mode"])
            .run();
        output.status(0).stdout_contains("1 passed");
    }
}

#[tokio::test]
async fn e03_a_stale_socket_is_replaced_and_nothing_else_ever() {
    within(async {
        let (_folder, path) = somewhere();
        let session = null();
        let failed = |why: &str| format!("Failed to establish connection: {why}");

        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        session.start_server(Unix::path(&path)).await.unwrap();
        UnixStream::connect(&path).await.unwrap();
        session.disconnect().await.unwrap();
        assert!(!path.exists());

        let live = UnixListener::bind(&path).unwrap();
        let text = error_text(session.start_server(Unix::path(&path)).await);
        assert_eq!(text, failed("another process listens there"));
        UnixStream::connect(&path).await.unwrap();
        drop(live);
        std::fs::remove_file(&path).unwrap();

        // One that does not listen yet, as between bind and listen.
        let flags = rustix::net::SocketFlags::CLOEXEC;
        let (family, kind) = (rustix::net::AddressFamily::UNIX, rustix::net::SocketType::STREAM);
        let bound = rustix::net::socket_with(family, kind, flags, None).unwrap();
        rustix::net::bind(&bound, &rustix::net::SocketAddrUnix::new(&path).unwrap()).unwrap();
        let text = error_text(session.start_server(Unix::path(&path)).await);
        assert_eq!(text, failed("another process listens there"));
        rustix::net::listen(&bound, 1).unwrap();
        // No probe has connected.
        rustix::io::ioctl_fionbio(&bound, true).unwrap();
        assert_eq!(error_text(session.start_server(Unix::path(&path)).await), failed("another process listens there"));
        assert_eq!(rustix::net::accept(&bound).unwrap_err(), rustix::io::Errno::WOULDBLOCK);
        drop(bound);
        std::fs::remove_file(&path).unwrap();

        let no_socket = failed("the file exists and is not a socket");
        std::fs::write(&path, "precious").unwrap();
        assert_eq!(error_text(session.start_server(Unix::path(&path)).await), no_socket);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
        std::fs::remove_file(&path).unwrap();

        std::fs::create_dir(&path).unwrap();
        assert_eq!(error_text(session.start_server(Unix::path(&path)).await), no_socket);
        std::fs::remove_dir(&path).unwrap();

        std::os::unix::fs::symlink("/nowhere", &path).unwrap();
        assert_eq!(error_text(session.start_server(Unix::path(&path)).await), no_socket);
        assert!(std::fs::symlink_metadata(&path).is_ok());
    })
    .await;
}

#[tokio::test]
async fn e03_a_replaced_socket_file_is_not_removed() {
    within(async {
        let (_folder, path) = somewhere();
        let listener = Unix::path(&path).bind().await.unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "somebody else's").unwrap();
        drop(listener);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody else's");

        std::fs::remove_file(&path).unwrap();
        let listener = Unix::path(&path).bind().await.unwrap();
        std::fs::remove_file(&path).unwrap();
        let other = UnixListener::bind(&path).unwrap();
        drop(listener);
        UnixStream::connect(&path).await.unwrap();
        drop(other);

        // Already gone: nothing to do.
        std::fs::remove_file(&path).unwrap();
        let listener = Unix::path(&path).bind().await.unwrap();
        std::fs::remove_file(&path).unwrap();
        drop(listener);
    })
    .await;
}

#[tokio::test]
async fn e08_a_path_too_long_is_an_error() {
    within(async {
        let (folder, _) = somewhere();
        let path = folder.path().join("x".repeat(200));
        let session = null();
        for text in [
            error_text(session.connect(Unix::path(&path)).await),
            error_text(session.start_server(Unix::path(&path)).await),
        ] {
            assert!(text.starts_with("Failed to establish connection: "), "{text}");
        }
    })
    .await;
}

/// Names that are in use here.
fn abstract_names() -> String {
    std::fs::read_to_string("/proc/net/unix").unwrap()
}

#[tokio::test]
async fn e02_abstract_names_connect_short_and_padded() {
    within(async {
        let (folder, _) = somewhere();
        // A unique name.
        let name = folder.path().file_name().unwrap().to_string_lossy().into_owned();
        let address = |tight| Unix::Abstract { name: name.clone().into_bytes(), tight };
        for tight in [true, false] {
            let (server, client) = (null(), null());
            assert_eq!(server.start_server(address(tight)).await.unwrap(), format!("unix:@{name}"));
            // The other spelling is another name.
            let error = client.connect(address(!tight)).await.unwrap_err();
            assert!(error.to_string().contains("Connection refused"), "{error}");
            assert!(!Path::new(&name).exists());
            let filled = abstract_names().lines().any(|line| line.contains(&format!("@{name}@@")));
            assert_eq!(filled, !tight, "NULs are shown as @");
            client.connect(address(tight)).await.unwrap();
            server.accept().await.unwrap();
            // Taken, and the name is free again.
            let error = client_of(address(tight)).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
            client.disconnect().await.unwrap();
            server.disconnect().await.unwrap_err();
        }
    })
    .await;
}

async fn client_of(address: Unix) -> io::Result<()> {
    qmpsh::protocol::Dial::dial(address).await.map(drop)
}

#[tokio::test]
async fn e02_an_abstract_name_in_use_is_refused_and_leads_to_its_owner() {
    within(async {
        let (folder, _) = somewhere();
        let name = folder.path().file_name().unwrap().to_string_lossy().into_owned();
        let filled = format!("\0{name}{}", "\0".repeat(107 - name.len()));
        let listener = UnixListener::bind(&filled).unwrap();
        let session = null();
        let address = Unix::Abstract { name: name.into_bytes(), tight: false };
        let text = error_text(session.start_server(address.clone()).await);
        assert_eq!(text, format!("Failed to establish connection: {}", text_of(Errno::ADDRINUSE)));
        session.connect(address).await.unwrap();
        let mut peer = listener.accept().await.unwrap().0;
        session.disconnect().await.unwrap();
        assert_eq!(read_to_end(&mut peer).await, "");
    })
    .await;
}
