//! Tests that `avif backfill` accepts the same credentials as the AWS CLI.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use super::command;
use super::stub::{Stub, listing};

/// Starts a stub of the SSO portal and of an S3 bucket with one image.
async fn stub() -> Stub {
    Stub::start(|request| {
        if request.uri.path() == "/federation/credentials" {
            assert_eq!(request.header("x-amz-sso_bearer_token"), "portal-token");
            let credentials = serde_json::json!({ "roleCredentials": {
                "accessKeyId": "SSO", "secretAccessKey": "secret", "sessionToken": "t", "expiration": 4_070_908_800_000_u64,
            } });
            return Some((200, credentials.to_string()));
        }
        // The listing contains one image. Every other object is missing, so the image has no variant.
        let is_listing = request.method == "GET";
        Some(if is_listing { (200, listing(&[("a.jpg", "")])) } else { (404, String::new()) })
    })
    .await
}

/// Creates a home directory with an AWS profile for each kind of credentials. The SSO token expires at the time
/// `expires`.
fn home(expires: &str) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().display();
    write(
        home.path(),
        ".aws/config",
        &format!(
            "[profile process]\nregion = us-east-1\ncredential_process = sh {path}/credentials.sh\n\
             [sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://example.awsapps.com/start\n\
             sso_registration_scopes = sso:account:access\n\
             [profile sso]\nregion = us-east-1\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Admin\n\
             [profile login]\nregion = us-east-1\nlogin_session = arn:aws:iam::123456789012:user/x\n\
             [profile no-region]\ncredential_process = sh {path}/credentials.sh\n\
             [profile no-credentials]\nregion = us-east-1\n"
        ),
    );
    let process =
        r#"{"Version": 1, "AccessKeyId": "PROCESS", "SecretAccessKey": "s", "Expiration": "2099-01-01T00:00:00Z"}"#;
    write(home.path(), "credentials.sh", &format!("echo called >>{path}/calls\necho '{process}'\n"));
    // The SDK reads the token from a file whose name is the SHA-1 digest of the session name.
    let token = format!(
        r#"{{"startUrl": "https://example.awsapps.com/start", "region": "us-east-1", "accessToken": "portal-token", "expiresAt": "{expires}"}}"#
    );
    write(home.path(), ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json", &token);
    // The SDK reads the login from a file whose name is the SHA-256 digest of the session ARN.
    let login = serde_json::json!({
        "accessToken": {
            "accessKeyId": "LOGIN", "secretAccessKey": "s", "sessionToken": "t", "accountId": "123456789012",
            "expiresAt": "2099-01-01T00:00:00Z",
        },
        "tokenType": "aws_sigv4", "refreshToken": "r", "idToken": "i", "clientId": "arn:aws:signin:::devtools/same-device",
        "dpopKey": "-----BEGIN EC PRIVATE KEY-----\nunused while the session lasts\n-----END EC PRIVATE KEY-----\n",
    });
    write(
        home.path(),
        ".aws/login/cache/2ff2a80db794fe2d23248219d580c027ab8e3592f5c59254e6a865b9c22fc859.json",
        &login.to_string(),
    );
    home
}

fn write(home: &Path, name: &str, text: &str) {
    let path = home.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn environment(home: &Path, profile: &str, stub: &Stub) -> BTreeMap<String, String> {
    let (home, endpoint) = (home.display().to_string(), stub.endpoint());
    [
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ENDPOINT_URL", &endpoint),
        ("AWS_PROFILE", profile),
        ("HOME", &home),
        ("PATH", "/usr/bin:/bin"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Runs `avif backfill` with only these environment variables. The region comes from the profile.
async fn backfill(home: &Path, environment: &BTreeMap<String, String>) -> Output {
    command(home, environment, &["s3://photos", "--dry-run"]).spawn().unwrap().wait_with_output().await.unwrap()
}

#[tokio::test]
async fn every_kind_of_profile_provides_credentials() {
    for (profile, key) in [("process", "PROCESS"), ("sso", "SSO"), ("login", "LOGIN")] {
        let stub = stub().await;
        let home = home("2099-01-01T00:00:00Z");
        let output = backfill(home.path(), &environment(home.path(), profile, &stub)).await;
        assert!(output.status.success(), "{profile}: {}", crate::text(&output.stderr));
        assert!(crate::text(&output.stdout).contains("1 to convert"), "{profile}: {}", crate::text(&output.stdout));
        let listed = stub.received().into_iter().filter(|request| request.uri.path() != "/federation/credentials");
        for request in listed {
            let authorization = request.header("authorization");
            assert!(authorization.contains(&format!("Credential={key}/")), "{profile}: {authorization}");
        }
    }
}

#[tokio::test]
async fn credential_process_runs_once() {
    let stub = stub().await;
    let home = home("2099-01-01T00:00:00Z");
    let output = backfill(home.path(), &environment(home.path(), "process", &stub)).await;
    assert!(output.status.success(), "{}", crate::text(&output.stderr));
    assert!(stub.received().len() >= 2, "the listing and at least one output were requested");
    assert_eq!(fs::read_to_string(home.path().join("calls")).unwrap(), "called\n");
}

#[tokio::test]
async fn missing_region_or_credentials_are_reported_with_a_fix() {
    let stub = stub().await;
    let home = home("2020-01-01T00:00:00Z");
    for (profile, fix) in [
        ("sso", "aws sso login"),
        ("no-credentials", "AWS_PROFILE"),
        ("unknown", "AWS_PROFILE"),
        ("no-region", "set AWS_REGION"),
    ] {
        let output = backfill(home.path(), &environment(home.path(), profile, &stub)).await;
        let error = crate::text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{profile}: {error}");
        assert!(error.contains(fix), "{profile}: {error}");
    }
    assert!(stub.received().is_empty(), "{:?}", stub.received());
    assert!(
        !home.path().join("avif-backfill").exists(),
        "the state directory is created only after the credentials are loaded"
    );
}
