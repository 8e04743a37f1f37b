use super::super::Language;
use super::*;

/// A machine with the sockets that a test names.
#[derive(Default)]
struct Machine(Sockets);

impl Machine {
    fn listener(mut self, inode: u64, name: &str, waiting: &[u64]) -> Self {
        let socket = UnixSocket {
            inode,
            listening: true,
            name: name.into(),
            file: Some(FILE),
            waiting: waiting.to_vec(),
            ..UnixSocket::default()
        };
        self.0.unix.push(socket);
        self
    }

    fn connected(mut self, inode: u64, name: &str, peer: Option<u64>) -> Self {
        let file = (!name.is_empty()).then_some(FILE);
        let socket = UnixSocket { inode, connected: true, name: name.into(), file, peer, ..UnixSocket::default() };
        self.0.unix.push(socket);
        self
    }

    fn tcp(mut self, inode: u64, local: &str, remote: Option<&str>) -> Self {
        self.0.tcp.push(TcpSocket {
            local: local.parse().unwrap(),
            remote: remote.unwrap_or("0.0.0.0:0").parse().unwrap(),
            listening: remote.is_none(),
            connected: remote.is_some(),
            inode,
        });
        self
    }

    /// Where a monitor on `backend` is, and how it is, of a process with these sockets in `/dir`.
    #[track_caller]
    fn check(&self, backend: Backend, server: bool, own: Option<&[(u32, u64)]>, place: Place, connection: Connection) {
        let spec = Spec { id: None, language: Language::Qmp, backend, server, wrapper: None };
        let directory = own.map(|_| Path::new("/dir"));
        let seen = self.0.observe(&spec, ProcessView { sockets: own, directory });
        assert_eq!((seen.place, seen.connection), (place, connection));
    }
}

fn unix(path: &str) -> Backend {
    Backend::Unix(path.into())
}

fn at(path: &str) -> Place {
    Place::At(Address::Unix(path.into()))
}

fn other(text: &str) -> Place {
    Place::Other(text.into())
}

const FILE: FileId = FileId { device: 1, inode: 1 };
const OWN: Option<&[(u32, u64)]> = Some(&[(3, 10), (8, 11)]);

#[test]
fn a_unix_server_shows_its_client() {
    let free = Machine::default().listener(10, "q", &[]);
    free.check(unix("q"), true, OWN, at("/dir/q"), Connection::Free);
    // Another one of that name, in another directory, is another one's.
    free.check(unix("q"), true, Some(&[(3, 99)]), at("/dir/q"), Connection::NotListening);
    free.check(unix("r"), true, OWN, at("/dir/r"), Connection::NotListening);
    // libvirt binds the absolute path before it starts QEMU.
    Machine::default().listener(10, "/dir/q", &[]).check(unix("q"), true, OWN, at("/dir/q"), Connection::Free);

    let held = Machine::default().listener(10, "q", &[77]).connected(11, "q", Some(50)).connected(50, "", Some(11));
    held.check(unix("q"), true, OWN, at("/dir/q"), Connection::Held(Client::Inode(50)));
    // The connection belongs to another process with a socket of that name.
    held.check(unix("q"), true, Some(&[(3, 10)]), at("/dir/q"), Connection::NotAccepting);
    let silent = Machine::default().listener(10, "q", &[]).connected(11, "q", None);
    silent.check(unix("q"), true, OWN, at("/dir/q"), Connection::Held(Client::Unknown));
    let gone = Machine::default().listener(10, "q", &[]).connected(11, "q", Some(0));
    gone.check(unix("q"), true, OWN, at("/dir/q"), Connection::Free);
    let not_accepted = Machine::default().listener(10, "q", &[]).connected(0, "q", None);
    not_accepted.check(unix("q"), true, OWN, at("/dir/q"), Connection::Free);
}

#[test]
fn a_unix_server_of_another_user_shows_less() {
    let held = Machine::default().listener(10, "/q", &[]).connected(11, "/q", Some(50));
    held.check(unix("/q"), true, None, at("/q"), Connection::Held(Client::Inode(50)));
    held.check(unix("/r"), true, None, at("/r"), Connection::NotListening);
    held.check(unix("q"), true, None, other("q (relative to an unknown directory)"), Connection::Unknown);
}

#[test]
fn an_abstract_socket_is_found_by_its_name() {
    let address = |tight| Place::At(Address::Abstract { name: "q".into(), tight });
    let backend = |tight| Backend::Abstract { name: b"q".to_vec(), tight };
    let machine = Machine::default().listener(10, "\0q", &[]);
    machine.check(backend(true), true, OWN, address(true), Connection::Free);
    machine.check(backend(false), true, OWN, address(false), Connection::NotListening);
    let padded = format!("\0q{}", "\0".repeat(106));
    Machine::default().listener(10, &padded, &[]).check(backend(false), true, OWN, address(false), Connection::Free);
}

#[test]
fn the_file_of_a_socket_is_known() {
    let mut sockets = Machine::default().listener(10, "/q", &[]).0;
    sockets.unix[0].file = Some(FileId { device: 8, inode: 5 });
    let check = |device, inode, expected| {
        assert_eq!(sockets.is_bound_to(FILE, FileId { device, inode }), expected, "{device} {inode}");
    };
    check(1, 1, true);
    check(1, 2, false);
    // `stat` names a device of its own for each subvolume of btrfs.
    check(7, 1, true);
    // No number is the same on some kinds of overlay.
    check(7, 2, true);
    // Another one has bound it.
    check(7, 5, false);
    check(8, 5, false);
}

#[test]
fn a_monitor_that_connects_shows_its_client() {
    let to = |path: &str| Place::DialsOut(Address::Unix(path.into()));
    let answered = Machine::default().connected(11, "", Some(60)).connected(60, "/l", Some(11));
    answered.check(unix("/l"), false, OWN, to("/l"), Connection::Held(Client::Inode(60)));
    answered.check(unix("/m"), false, OWN, to("/m"), Connection::NotConnected);
    answered.check(unix("/l"), false, None, to("/l"), Connection::Unknown);
    let tcp = |port| Backend::Tcp { host: "h".into(), port, to: port };
    let to = |port| Place::DialsOut(Address::Tcp { host: "h".into(), port });
    let machine = Machine::default().tcp(11, "10.0.0.1:5", Some("10.0.0.2:44"));
    machine.check(tcp(44), false, OWN, to(44), Connection::Held(Client::Remote("10.0.0.2:44".parse().unwrap())));
    machine.check(tcp(45), false, OWN, to(45), Connection::NotConnected);
    machine.check(tcp(45), false, None, to(45), Connection::Unknown);
}

#[test]
fn a_tcp_server_shows_its_client() {
    let backend = |host: &str, port, to| Backend::Tcp { host: host.into(), port, to };
    let at = |host: &str, port| Place::At(Address::Tcp { host: host.into(), port });
    let free = Machine::default().tcp(10, "127.0.0.1:44", None);
    free.check(backend("127.0.0.1", 44, 44), true, OWN, at("127.0.0.1", 44), Connection::Free);
    free.check(backend("", 44, 44), true, OWN, at("localhost", 44), Connection::Free);
    free.check(backend("0.0.0.0", 44, 44), true, OWN, at("localhost", 44), Connection::NotListening);
    free.check(backend("127.0.0.1", 40, 50), true, OWN, at("127.0.0.1", 44), Connection::Free);
    free.check(backend("127.0.0.1", 0, 0), true, OWN, at("127.0.0.1", 44), Connection::Free);
    let unnamed = "a TCP port that the system chose";
    free.check(backend("127.0.0.1", 0, 0), true, Some(&[]), other(unnamed), Connection::Unknown);
    free.check(backend("127.0.0.1", 0, 0), true, None, other(unnamed), Connection::Unknown);
    free.check(backend("127.0.0.1", 45, 45), true, OWN, at("127.0.0.1", 45), Connection::NotListening);

    let two = Machine::default().tcp(10, "127.0.0.1:44", None).tcp(11, "127.0.0.1:45", None);
    two.check(backend("127.0.0.1", 0, 0), true, OWN, other("one of several TCP ports"), Connection::Unknown);

    let held = |remote| Machine::default().tcp(10, "127.0.0.1:44", None).tcp(11, "127.0.0.1:44", Some(remote));
    let check = |machine: Machine, end| {
        machine.check(backend("", 44, 44), true, OWN, at("localhost", 44), Connection::Held(end));
    };
    check(held("127.0.0.1:900").tcp(70, "127.0.0.1:900", Some("127.0.0.1:44")), Client::Inode(70));
    check(held("127.0.0.1:900").tcp(70, "127.0.0.1:901", Some("127.0.0.1:44")), Client::Unknown);
    let waiting = Machine::default().tcp(10, "127.0.0.1:44", None).tcp(0, "127.0.0.1:44", Some("127.0.0.1:900"));
    waiting.check(backend("", 44, 44), true, OWN, at("localhost", 44), Connection::NotAccepting);
    check(held("10.0.0.9:900"), Client::Remote("10.0.0.9:900".parse().unwrap()));
}

#[test]
fn an_inherited_socket_is_found_by_its_descriptor() {
    let listening = Machine::default().listener(10, "/run/m", &[]).connected(11, "/run/m", Some(50));
    listening.check(Backend::Fd(3), true, OWN, at("/run/m"), Connection::Held(Client::Inode(50)));
    listening.check(Backend::Fd(8), false, OWN, other("inherited socket"), Connection::Held(Client::Inode(50)));
    listening.check(Backend::Fd(4), false, OWN, other("descriptor 4"), Connection::Unknown);
    listening.check(Backend::Fd(3), false, None, other("descriptor 3"), Connection::Unknown);
    let tcp = Machine::default().tcp(10, "[::]:44", None).tcp(11, "10.0.0.1:3", Some("10.0.0.2:4"));
    let place = Place::At(Address::Tcp { host: "localhost".into(), port: 44 });
    tcp.check(Backend::Fd(3), true, OWN, place, Connection::Free);
    let remote = Client::Remote("10.0.0.2:4".parse().unwrap());
    tcp.check(Backend::Fd(8), false, OWN, other("inherited socket"), Connection::Held(remote));
    Machine::default().check(Backend::Other("stdio".into()), false, OWN, other("stdio"), Connection::Unknown);
}

#[test]
fn the_client_of_an_address_is_found() {
    let machine = Machine::default().listener(10, "q", &[80]).connected(11, "q", Some(50)).tcp(20, "0.0.0.0:44", None);
    let sockets = machine.tcp(21, "127.0.0.1:44", Some("127.0.0.1:9")).0;
    let held = |inode| Some((10, Connection::Held(Client::Inode(inode))));
    assert_eq!(sockets.at_unix(b"q", None), held(50));
    // By another name of the same file.
    assert_eq!(sockets.at_unix(b"/dir/q", Some(FILE)), held(50));
    assert_eq!(sockets.at_unix(b"/dir/q", Some(FileId { inode: 2, ..FILE })), None);
    assert_eq!(sockets.at_tcp("localhost", 44), Some((20, Connection::Held(Client::Unknown))));
    assert_eq!(sockets.at_tcp("127.0.0.1", 44), Some((20, Connection::Held(Client::Unknown))));
    assert_eq!(sockets.at_tcp("10.0.0.1", 44), None);
    assert_eq!(sockets.at_tcp("example.org", 44), None);
    assert_eq!(sockets.at_tcp("localhost", 45), None);
    let hung = Machine::default().listener(10, "q", &[0]).0;
    assert_eq!(hung.at_unix(b"q", None), Some((10, Connection::NotAccepting)));
}
