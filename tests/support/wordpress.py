"""A real WordPress on loopback: Debian's packages, a database and a web server of its own, thrown away
at the end. ``scripts/install-test-servers.sh`` installs what it needs.

``python -m tests.support.wordpress`` starts one to look at, until Ctrl-C.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.loopback import free_port
from tests.support.needs import need

SOURCE = Path(os.environ.get("VIGIE_WORDPRESS", "/usr/share/wordpress"))
# No e-mails; and visitors may write more often than every 15 seconds.
PLUGIN = """<?php
add_filter('pre_wp_mail', fn() => true);
add_filter('comment_flood_filter', '__return_false', 99);
"""

CONFIG = """<?php
define('DB_NAME', 'wordpress'); define('DB_USER', 'root'); define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:%(socket)s'); define('DB_CHARSET', 'utf8mb4'); define('DB_COLLATE', '');
define('WP_ENVIRONMENT_TYPE', 'local'); // Application Passwords over plain HTTP
define('WP_HTTP_BLOCK_EXTERNAL', true); define('AUTOMATIC_UPDATER_DISABLED', true);
define('DISABLE_WP_CRON', true);
define('WP_HOME', '%(url)s'); define('WP_SITEURL', '%(url)s');
define('WP_CONTENT_DIR', __DIR__ . '/wp-content');
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $name) {
    define($name . '_KEY', 'test'); define($name . '_SALT', 'test');
}
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""

SETUP = """<?php
define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = '%(host)s';
require '%(www)s/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install('Banque Exemple', 'admin', 'admin@example.org', true, '', 'admin');
$GLOBALS['wp_rewrite']->set_permalink_structure('/%%year%%/%%monthnum%%/%%postname%%/');
update_option('comment_previously_approved', 0); // newcomers are not held
wp_delete_comment(1, true); // the sample comment
$people = [];
foreach (['bot' => 'editor', 'reader' => 'subscriber'] as $name => $role) {
    $id = wp_insert_user(['user_login' => $name, 'user_pass' => $name, 'role' => $role,
        'user_email' => "$name@example.org", 'display_name' => 'Banque Exemple']);
    $people[$name] = WP_Application_Passwords::create_new_application_password($id, ['name' => 'vigie'])[0];
}
$closed = wp_insert_post(
    ['post_title' => 'Closed', 'post_status' => 'publish', 'comment_status' => 'closed']);
echo json_encode(['passwords' => $people, 'closed' => $closed]);
"""


def lacking() -> str:
    """What this machine lacks to run a WordPress, or ""."""
    tools = ("mariadbd", "mariadb-install-db", "php")
    missing = [tool for tool in tools if not shutil.which(tool)]
    if not (SOURCE / "wp-load.php").exists():
        missing.append(str(SOURCE))
    return ", ".join(missing)


@dataclass
class WordPress:
    """A running blog. `username` may edit; `reader` may only read. Post 1 takes comments, `closed` none."""

    url: str
    username: str
    password: str
    reader: str
    closed: int
    www: Path
    http: httpx.Client = field(repr=False)

    def visitor_comment(self, post: int, name: str, email: str, text: str, parent: int = 0) -> int:
        """Fill in the comment form as a visitor; the new comment's id."""
        form = {"comment_post_ID": str(post), "comment_parent": str(parent), "comment": text}
        form |= {"author": name, "email": email}
        answer = httpx.post(f"{self.url}/wp-comments-post.php", data=form, timeout=30)
        found = re.search(r"#comment-(\d+)", answer.headers.get("location", ""))
        if not found:
            raise AssertionError(f"the form answered {answer.status_code}: {answer.text[:500]}")
        return int(found[1])

    def hold(self, comment: int) -> None:
        self.api("POST", f"comments/{comment}", json={"status": "hold"})

    def approve(self, comment: int) -> None:
        self.api("POST", f"comments/{comment}", json={"status": "approve"})

    def trash(self, comment: int) -> None:
        self.api("DELETE", f"comments/{comment}")

    def erase(self, comment: int) -> None:
        self.api("DELETE", f"comments/{comment}", params={"force": "true"})

    def new_post(self, title: str) -> int:
        return int(self.api("POST", "posts", json={"title": title, "status": "publish"})["id"])

    def php(self, code: str) -> str:
        """Run a line of PHP inside the blog; what it prints."""
        host = self.url.removeprefix("http://")
        return _run(
            "php", "-r", f"$_SERVER['HTTP_HOST'] = '{host}'; require '{self.www}/wp-load.php'; {code}"
        )

    def comments(self, **query: Any) -> list[dict[str, Any]]:
        """What anybody may read, without signing in."""
        answer = self.http.get(f"{self.url}/wp-json/wp/v2/comments", params=query, auth=None)
        found: list[dict[str, Any]] = answer.raise_for_status().json()
        return found

    def public_html(self, post: int) -> str:
        """The post's page as a visitor sees it."""
        answer = self.http.get(f"{self.url}/?p={post}", auth=None, follow_redirects=True)
        return answer.raise_for_status().text

    def feed(self) -> str:
        """The RSS feed of all comments."""
        return self.http.get(f"{self.url}/comments/feed/", auth=None).raise_for_status().text

    def api(self, method: str, path: str, **options: Any) -> Any:
        """Ask the REST API as the editor."""
        answer = self.http.request(method, f"{self.url}/wp-json/wp/v2/{path}", **options)
        return answer.raise_for_status().json()


@pytest.fixture(scope="session")
def wordpress() -> Iterator[WordPress]:
    """One blog for all tests of a run; each writes under a post of its own."""
    require()
    with running() as blog:
        yield blog


def require() -> None:
    """Skip the test on a machine that lacks it: see `need`."""
    need("real WordPress", lacking())


@contextlib.contextmanager
def running() -> Iterator[WordPress]:
    """Start a fresh blog (about 3 s); stop it and remove every trace of it at the end."""
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="vigie-wordpress-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o711)  # mariadbd runs as another user and must pass through
        stack.enter_context(_database(folder / "db"))
        host = f"127.0.0.1:{free_port()}"
        www = _copy(folder / "www", f"http://{host}", folder / "db" / "mysql.sock")
        (folder / "setup.php").write_text(SETUP % {"www": www, "host": host})
        made = json.loads(_run("php", str(folder / "setup.php")))
        environment = {**os.environ, "PHP_CLI_SERVER_WORKERS": "4"}
        php = ["php", "-d", "display_errors=0", "-S", host, "-t", str(www)]
        stack.enter_context(_process(php, folder / "php.log", environment))
        passwords = made["passwords"]
        http = stack.enter_context(httpx.Client(auth=("bot", passwords["bot"]), timeout=30))
        blog = WordPress(
            f"http://{host}", "bot", passwords["bot"], passwords["reader"], made["closed"], www, http
        )
        _wait(lambda: bool(blog.api("GET", "users/me")), folder / "php.log")
        yield blog


@contextlib.contextmanager
def _database(folder: Path) -> Iterator[None]:
    folder.mkdir()
    # As root, MariaDB insists on stepping down to its own user.
    user = ["--user=mysql"] if os.getuid() == 0 else []
    if user:
        shutil.chown(folder, "mysql")
    _run("mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal",
         "--skip-test-db", f"--datadir={folder}", *user)  # fmt: skip
    path = folder / "mysql.sock"
    server = ["mariadbd", "--no-defaults", "--skip-networking", f"--datadir={folder}", f"--socket={path}",
              "--innodb-buffer-pool-size=32M", "--performance-schema=OFF",
              "--innodb-flush-log-at-trx-commit=0", *user]  # fmt: skip
    log = folder.with_suffix(".log")
    with _process(server, log):
        _wait(lambda: _accepts(path), log)
        _run("mariadb", "--no-defaults", f"--socket={path}", "-uroot", "-e", "create database wordpress")
        yield


def _copy(www: Path, url: str, database: Path) -> Path:
    shutil.copytree(SOURCE, www, symlinks=False, ignore=shutil.ignore_patterns("wp-config*.php", "languages"))
    (www / "wp-config.php").write_text(CONFIG % {"socket": database, "url": url})
    plugins = www / "wp-content" / "mu-plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    (plugins / "quiet.php").write_text(PLUGIN)
    return www


@contextlib.contextmanager
def _process(command: list[str], log: Path, environment: dict[str, str] | None = None) -> Iterator[None]:
    """Run `command`; end it and all its children."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment, start_new_session=True)
    try:
        yield
    finally:
        for how in (signal.SIGTERM, signal.SIGKILL):
            # PHP's parent ends before its workers: the group is what must be told, twice.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)


def _wait(ready: Any, log: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, httpx.HTTPError):
            if ready():
                return
        if time.monotonic() > end:
            raise AssertionError(f"the server did not come up:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(path))
    return True


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{command[0]} failed: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    return done.stdout


if __name__ == "__main__":
    with running() as started, contextlib.suppress(KeyboardInterrupt):
        print(f"{started.url}  {started.username} / {started.password}", flush=True)
        signal.pause()
