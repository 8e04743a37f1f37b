//! A real SSH server with its own keys, for the user that runs the tests.
//!
//! It has no port: the client starts it for each connection (`sshd -i`), so no other test can be in its way. `setsid`,
//! because it is to be another machine's, which no Ctrl-C reaches.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::{Program, temporary_directory};

/// The server, its keys, and an `ssh` that knows it by the name `vmhost` (and `localhost`).
#[derive(Debug)]
pub struct Sshd {
    directory: TempDir,
}

impl Sshd {
    pub fn new(server: &[&str]) -> Self {
        let sshd = Self { directory: temporary_directory() };
        for name in ["host", "user"] {
            Program::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(sshd.file(name))
                .run()
                .status(0);
        }
        let config = format!(
            "HostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\n\
             PermitRootLogin yes\nLogLevel QUIET\n{}\n",
            sshd.file("host").display(),
            sshd.file("user.pub").display(),
            server.join("\n")
        );
        fs::write(sshd.file("sshd_config"), config).expect("a file");
        let public = fs::read_to_string(sshd.file("host.pub")).expect("a key");
        let mut words = public.split(' ');
        let key = format!("{} {}", words.next().expect("a type"), words.next().expect("a key"));
        fs::write(sshd.file("known_hosts"), format!("vmhost {key}\nlocalhost {key}\n")).expect("a file");
        sshd.configure(&[]);
        let path = sshd.file("bin/ssh");
        fs::create_dir(sshd.file("bin")).expect("a directory");
        let script = format!("#!/bin/sh\nexec /usr/bin/ssh -F '{}' \"$@\"\n", sshd.file("ssh_config").display());
        fs::write(&path, script).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
        sshd
    }

    /// Gives the client these lines of configuration, before its own.
    pub fn configure(&self, client: &[&str]) {
        let config = format!(
            "{}\nHost vmhost localhost\nProxyCommand setsid /usr/sbin/sshd -i -f {}\nHost *\nIdentityFile {}\n\
             IdentitiesOnly yes\nUserKnownHostsFile {}\nGlobalKnownHostsFile /dev/null\n",
            client.join("\n"),
            self.file("sshd_config").display(),
            self.file("user").display(),
            self.file("known_hosts").display(),
        );
        fs::write(self.file("ssh_config"), config).expect("a file");
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The program, which finds this `ssh`, and has its temporary files in [`temporary`](Self::temporary).
    pub fn known_to(&self, program: Program) -> Program {
        let path = std::env::var("PATH").unwrap_or_default();
        fs::create_dir_all(self.temporary()).expect("a directory");
        program.env("PATH", format!("{}:{path}", self.file("bin").display())).env("TMPDIR", self.temporary())
    }

    /// Where the programs that know it have their temporary files.
    pub fn temporary(&self) -> PathBuf {
        self.file("tmp")
    }

    #[track_caller]
    pub fn leaves_nothing(&self) {
        let left: Vec<_> = fs::read_dir(self.temporary()).expect("a directory").flatten().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

pub fn address(socket: &Path) -> String {
    format!("ssh://vmhost{}", socket.display())
}
