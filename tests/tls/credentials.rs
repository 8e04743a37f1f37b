//! Errors in a credentials directory, which qmpsh reports before it connects.

use super::with;
use crate::support::{qmpsh, temporary_directory};
use crate::tls::certificates::{Authority, Folder, Leaf};
use qmpsh::transport::{ClientCredentials, ServerCredentials};

/// What is said of the directory when connecting, or listening.
#[track_caller]
fn check(folder: &Folder, mode: &str, expected: &str) {
    let output = with(folder).args([mode, "127.0.0.1:1", "--wait", "0.01", "x"]).run();
    let expected = expected.replace("DIR", &folder.path().display().to_string());
    output.stdout("").stderr(&format!("qmpsh: --tls-creds: {expected}\n")).status(3);
}

#[test]
fn missing_credential_files_are_named() {
    let authority = Authority::new();
    let empty = Folder::empty();
    check(
        &empty,
        "connect",
        "DIR/ca-cert.pem is missing; connecting with TLS needs ca-cert.pem (and client-cert.pem with client-key.pem, \
         if the server asks for a certificate)",
    );
    let needed = "listening with TLS needs ca-cert.pem, server-cert.pem and server-key.pem";
    check(&empty, "listen", &format!("DIR/ca-cert.pem is missing; {needed}"));
    check(&authority.client_folder(), "listen", &format!("DIR/server-cert.pem is missing; {needed}"));
    let half = authority.client_folder().without("client-key.pem");
    check(&half, "connect", "DIR/client-key.pem is missing; it belongs to client-cert.pem");
    let half = authority.server_folder().without("server-cert.pem");
    check(&half, "listen", "DIR/server-cert.pem is missing; it belongs to server-key.pem");
}

#[test]
fn a_credentials_directory_that_is_not_one_is_reported() {
    let directory = temporary_directory();
    let file = directory.path().join("file");
    std::fs::write(&file, "").expect("a file");
    let missing = directory.path().join("missing");
    for (path, why) in [(&file, "not a directory"), (&missing, "No such file or directory")] {
        let path = path.display().to_string();
        let expected = format!("qmpsh: --tls-creds: {path} is not a directory of TLS credentials: {why}\n");
        qmpsh().args(["--tls-creds", &path, ":1", "x"]).run().stderr(&expected).status(3);
    }
}

#[test]
fn invalid_credential_files_are_named() {
    let authority = Authority::new();
    let client = || authority.client_folder();
    let cut = &authority.pem()[..200];
    for (folder, expected) in [
        (
            client().with("ca-cert.pem", ""),
            "DIR/ca-cert.pem cannot be used: no certificate is in it (`-----BEGIN CERTIFICATE-----`)",
        ),
        (client().with("ca-cert.pem", cut), "DIR/ca-cert.pem cannot be used: it is cut off, or no PEM"),
        (
            client().with("ca-cert.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "DIR/ca-cert.pem cannot be used: a certificate in it is malformed",
        ),
        (
            client().with("client-cert.pem", "x"),
            "DIR/client-cert.pem cannot be used: no certificate is in it (`-----BEGIN CERTIFICATE-----`)",
        ),
        (
            client().with("client-key.pem", authority.pem()),
            "DIR/client-key.pem cannot be used: no private key is in it (`-----BEGIN PRIVATE KEY-----`)",
        ),
        (
            client().with(
                "client-key.pem",
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            ),
            "DIR/client-key.pem cannot be used: the key is protected by a password (`openssl pkey -in OLD -out NEW` takes it away)",
        ),
        (
            client().with("client-key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
            "DIR/client-key.pem cannot be used: it is of a kind that is not known here (RSA, ECDSA and Ed25519 are)",
        ),
        (
            client().with("ca-crl.pem", "x"),
            "DIR/ca-crl.pem cannot be used: no list of revoked certificates is in it (`-----BEGIN X509 CRL-----`)",
        ),
        (
            client().with("ca-crl.pem", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"),
            "DIR/ca-crl.pem cannot be used: it is malformed, or of version 1 (openssl ca makes version 2 with crl_extensions and \
             crlnumber)",
        ),
    ] {
        check(&folder, "connect", expected);
    }
    let folder = client();
    std::fs::remove_file(folder.file("ca-cert.pem")).expect("a file");
    std::fs::create_dir(folder.file("ca-cert.pem")).expect("a directory");
    let why = "cannot read DIR/ca-cert.pem for connecting with TLS: Is a directory";
    check(&folder, "connect", why);
}

#[test]
fn a_key_that_does_not_fit_its_certificate_is_reported() {
    let authority = Authority::new();
    let other = Leaf::client().signed_by(&authority);
    let mixed = authority.client_folder().with("client-key.pem", other.signing_key.serialize_pem());
    let expected = "DIR/client-key.pem is not the key of client-cert.pem beside it: each is of another pair";
    check(&mixed, "connect", expected);
    let mixed = authority.server_folder().with("server-key.pem", other.signing_key.serialize_pem());
    let expected = "DIR/server-key.pem is not the key of server-cert.pem beside it: each is of another pair";
    check(&mixed, "listen", expected);
}

#[test]
fn an_own_certificate_that_the_peer_would_refuse_is_reported() {
    let (authority, other) = (Authority::new(), Authority::new());
    let folder = |whose: &str, leaf: Leaf| authority.folder().with_pair(whose, &leaf.signed_by(&authority));
    let wrong_ca = authority.folder().with_pair("client", &Leaf::client().signed_by(&other));
    let expected = "DIR/client-cert.pem cannot be used: no CA of ca-cert.pem has signed it";
    check(&wrong_ca, "connect", expected);
    let expected = "DIR/client-cert.pem cannot be used: it expired on 2021-01-01 00:00:00 UTC";
    check(&folder("client", Leaf::client().years(2020, 2021)), "connect", expected);
    let expected = "DIR/client-cert.pem cannot be used: it was made for another use (its extended key usage)";
    check(&folder("client", Leaf::server()), "connect", expected);

    let wrong_ca = authority.folder().with_pair("server", &Leaf::server().signed_by(&other));
    let expected = "DIR/server-cert.pem cannot be used: no CA of ca-cert.pem has signed it";
    check(&wrong_ca, "listen", expected);
    let expected =
        "DIR/server-cert.pem cannot be used: it is not valid before 2098-01-01 00:00:00 UTC (or the clock is wrong)";
    check(&folder("server", Leaf::server().years(2098, 2099)), "listen", expected);
    let expected = "DIR/server-cert.pem cannot be used: it was made for another use (its extended key usage)";
    check(&folder("server", Leaf::client()), "listen", expected);
}

#[test]
fn conflicting_tls_options_are_usage_errors() {
    for (words, expected) in [
        (&["--tls-hostname", "h", ":1", "x"][..], "--tls-hostname needs TLS (--tls-creds DIR)"),
        (&["--tls-creds", "d", "q.sock", "x"], "a Unix socket has no host name to check"),
        (&["--tls-creds", "d", "@q", "x"], "a Unix socket has no host name to check"),
        (&["--tls-creds", "d", "exec:x", "y"], "exec: and ssh: have no host name to check"),
        (&["--tls-creds", "d", "ssh://h/q", "y"], "exec: and ssh: have no host name to check"),
        (
            &["--tls-creds", "d", "--tls-hostname", "h", "listen", ":1", "x"],
            "--tls-hostname does not work with `listen`",
        ),
        (&["--tls-creds", "d", "run", "qemu-system-x86_64"], "--tls-creds does not work with `run`"),
        (&["--tls-creds", "d", "--tls-hostname", "a b", ":1"], "it is not a host name or an IP address"),
    ] {
        qmpsh().args(words.to_vec()).run().stdout("").stderr_contains(expected).status(2);
    }
}

#[test]
fn the_debug_of_credentials_has_no_private_key() {
    let authority = Authority::new();
    let client = authority.client_folder();
    let server = authority.server_folder();
    let shown = [
        (client.file("client-key.pem"), format!("{:?}", ClientCredentials::load(client.path()).expect("credentials"))),
        (server.file("server-key.pem"), format!("{:?}", ServerCredentials::load(server.path()).expect("credentials"))),
    ];
    for (file, shown) in shown {
        let pem = std::fs::read_to_string(file).expect("a key");
        let key = pem.lines().filter(|line| !line.starts_with("-----")).collect::<String>();
        let key = data_encoding::BASE64.decode(key.as_bytes()).expect("base64");
        // The private number of a key for P-256 has 32 bytes. PKCS 8 puts them at 36. Source: RFC 5958 and RFC 5915.
        assert_eq!(key[34..36], [4, 32], "an octet string of 32 bytes");
        let private = &key[36..68];
        let hex = data_encoding::HEXLOWER.encode(private);
        let decimal = private.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
        let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        assert!(!flat.contains(&hex) && !flat.contains(&decimal), "{shown}");
        assert!(!shown.contains(&pem[60..100]), "{shown}");
    }
}
