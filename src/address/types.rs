//! Where a monitor is, as a type.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// How many bytes the path of a Unix socket may have: all of `sun_path`, without a closing NUL.
///
/// On Linux 108 bytes work and 109 do not; elsewhere `sun_path` is smaller and keeps its NUL. On Linux the transports
/// reach longer paths too, through `/proc/self/fd`. Source: `unix(7)`.
pub const UNIX_PATH_MAX: usize = if cfg!(target_os = "linux") { 108 } else { 103 };

/// How many bytes the name of an abstract socket may have: `sun_path` without its leading NUL. Source: `unix(7)`.
pub const ABSTRACT_NAME_MAX: usize = 107;

/// Where a monitor is.
///
/// ```
/// use qmpsh::address::Address;
///
/// let address: Address = "unix:/tmp/q.sock,server=on,wait=off".parse()?;
/// assert_eq!(address, Address::Unix("/tmp/q.sock".into()));
/// assert_eq!(address.to_string(), "/tmp/q.sock");
///
/// let address: Address = "[::1]:4444".parse()?;
/// assert_eq!(address, Address::Tcp { host: "::1".into(), port: 4444 });
/// # Ok::<(), qmpsh::address::AddressError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// A Unix socket in the file system. The path is not empty, has no NUL, and at most [`UNIX_PATH_MAX`] bytes but on
    /// Linux.
    Unix(PathBuf),
    /// A Unix socket in Linux's abstract namespace.
    Abstract {
        /// The name without the leading NUL: 1 to [`ABSTRACT_NAME_MAX`] bytes, none of them NUL.
        name: OsString,
        /// True if the socket's address ends with the name (QEMU's default), or is filled up with NULs.
        tight: bool,
    },
    /// A TCP port.
    Tcp {
        /// A host name or an IP address, without brackets; `localhost` if none was given. An IPv6 address may have a zone.
        host: String,
        /// The port.
        port: u16,
    },
    /// A free monitor of the QEMU of this name (its `-name`) on this machine. Not empty, no NUL.
    Vm(OsString),
    /// A free monitor of the QEMU with this process id.
    Pid(u32),
    /// A command for `sh -c` whose stdin and stdout are the connection. Not blank, no NUL.
    Exec(OsString),
    /// A Unix socket on another machine, through OpenSSH.
    Ssh(Ssh),
}

impl Address {
    /// Returns the shortest text that [`Address::parse`] reads as this address.
    ///
    /// [`fmt::Display`] gives the same text, with what is not UTF-8 replaced.
    pub fn to_os_string(&self) -> OsString {
        let (bare, prefixed) = match self {
            Address::Unix(path) => {
                let path = path.as_os_str().as_bytes();
                let literal = path.starts_with(b"@") || path.starts_with(b"path=");
                let prefix: &[u8] = if literal { b"unix:path=" } else { b"unix:" };
                (path.to_vec(), [prefix, &double_commas(path)].concat())
            }
            Address::Abstract { name, tight: true } => {
                return OsString::from_vec([b"@", name.as_bytes()].concat());
            }
            Address::Abstract { name, tight: false } => {
                let name = double_commas(name.as_bytes());
                return OsString::from_vec([b"unix:@", &*name, b",tight=off"].concat());
            }
            Address::Tcp { host, port } => {
                let bare = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
                let prefixed = format!("tcp:{bare}").into_bytes();
                (bare.into_bytes(), prefixed)
            }
            Address::Vm(name) => return OsString::from_vec([b"vm:", name.as_bytes()].concat()),
            Address::Pid(pid) => return format!("pid:{pid}").into(),
            Address::Exec(command) => return OsString::from_vec([b"exec:", command.as_bytes()].concat()),
            Address::Ssh(ssh) => return ssh.to_os_string(),
        };
        let bare = OsString::from_vec(bare);
        if Address::parse(&bare).as_ref() == Ok(self) { bare } else { OsString::from_vec(prefixed) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_os_string().to_string_lossy())
    }
}

/// A Unix socket on another machine, and how OpenSSH gets there. Its configuration says the rest.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Ssh {
    /// The user there. Not empty, and does not begin with `-`.
    pub user: Option<String>,
    /// A name, also one of `ssh_config(5)`, or an IP address, without brackets. Does not begin with `-`.
    pub host: String,
    /// The port of the SSH server.
    pub port: Option<u16>,
    /// The absolute path of the socket there, taken literally: at most [`UNIX_PATH_MAX`] bytes.
    pub path: PathBuf,
}

impl Ssh {
    pub(super) fn to_os_string(&self) -> OsString {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let mut text = format!("ssh://{user}{host}{port}").into_bytes();
        text.extend_from_slice(self.path.as_os_str().as_bytes());
        OsString::from_vec(text)
    }
}

/// Doubles each comma, which is QEMU's escape in the value of an option.
fn double_commas(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|&byte| std::iter::repeat_n(byte, if byte == b',' { 2 } else { 1 })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn display_is_the_shortest_text_that_reads_the_same() {
        #[track_caller]
        fn check(input: &str, shown: &str) {
            let address = Address::parse(input).expect(input);
            assert_eq!(address.to_string(), shown);
            assert_eq!(Address::parse(shown).expect(shown), address);
        }
        check("q.sock", "q.sock");
        check("unix:q.sock", "q.sock");
        check("unix:/tmp/q,,x,server=on", "/tmp/q,x");
        check("unix:tcp:1", "unix:tcp:1");
        check("unix:a:b,,c", "unix:a:b,,c");
        check("unix:path=@a", "unix:path=@a");
        check("unix:path=path=a:b", "unix:path=path=a:b");
        check("unix:@name", "@name");
        check("unix:@a,,b,tight=off", "unix:@a,,b,tight=off");
        check("@@a,b", "@@a,b");
        check("tcp:localhost:4444", "localhost:4444");
        check(":4444", "localhost:4444");
        check("tcp:[fe80::1%eth0]:4444,ipv6=on", "[fe80::1%eth0]:4444");
        check("tcp:vm:4444", "tcp:vm:4444");
        check("tcp:unix:4444", "tcp:unix:4444");
        check("vm:a:b/c", "vm:a:b/c");
        check("pid:0042", "pid:42");
        check("exec:socat - UNIX:/q ", "exec:socat - UNIX:/q ");
        check("ssh://root@host:022/q", "ssh://root@host:22/q");
        check("ssh://[::1]/a b%20", "ssh://[::1]/a b%20");
    }

    #[test]
    fn display_keeps_the_width_it_is_given() {
        let address = Address::parse("q.sock").unwrap();
        assert_eq!(format!("{address:>8}|"), "  q.sock|");
    }

    fn bytes(longest: usize) -> impl Strategy<Value = OsString> {
        // The characters that mean something, more often than chance would have them.
        let byte = prop_oneof![1..=255_u8, proptest::sample::select(b",:@=/[]unixtcppath".to_vec())];
        proptest::collection::vec(byte, 1..=longest).prop_map(OsString::from_vec)
    }

    fn addresses() -> impl Strategy<Value = Address> {
        let host = prop_oneof![
            "[a-z0-9.-]{1,20}",
            proptest::sample::select(vec!["unix", "tcp", "fd", "vm", "pid", "exec", "host=x", "port=5"])
                .prop_map(String::from),
            any::<std::net::Ipv6Addr>().prop_map(|ip| ip.to_string()),
            any::<std::net::Ipv4Addr>().prop_map(|ip| ip.to_string()),
        ];
        prop_oneof![
            bytes(UNIX_PATH_MAX).prop_map(|path| Address::Unix(path.into())),
            (bytes(ABSTRACT_NAME_MAX), any::<bool>()).prop_map(|(name, tight)| Address::Abstract { name, tight }),
            (host, any::<u16>()).prop_map(|(host, port)| Address::Tcp { host, port }),
            bytes(200).prop_map(Address::Vm),
            (1..=u32::MAX).prop_map(Address::Pid),
            bytes(200).prop_filter("a command", |c| !c.as_bytes().trim_ascii().is_empty()).prop_map(Address::Exec),
        ]
    }

    proptest! {
        #[test]
        fn every_address_reads_back(address in addresses()) {
            prop_assert_eq!(Address::parse(address.to_os_string()), Ok(address));
        }

        #[test]
        fn no_text_panics_and_what_is_read_reads_back(text in bytes(200)) {
            match Address::parse(&text) {
                Ok(address) => prop_assert_eq!(Address::parse(address.to_os_string()), Ok(address)),
                Err(error) => prop_assert!(!error.to_string().contains(char::is_control)),
            }
        }
    }
}
