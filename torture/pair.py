"""A database with a standby, which can take its place."""
import os
import shutil

from servers import SCRIPTS, Servers, sh


class Pair(Servers):
    """A primary that answers a commit when its standby has it, too; the broker as before."""

    offers = {None, "standby"}

    def __init__(self, folder):
        self.places = [f"{folder}/database", f"{folder}/standby"]
        super().__init__(folder)

    def start_database(self):
        self.database_options = "-c synchronous_commit=off -c synchronous_standby_names=*"
        super().start_database()
        self.start_standby()

    @property
    def standby_folder(self):
        return next(place for place in self.places if place != self.database_folder)

    def start_standby(self):
        sh(f"{SCRIPTS}/private-postgres.sh", "start", self.standby_folder, env=dict(
            os.environ, PRIVATE_POSTGRES_OPTIONS=self.database_options, PRIVATE_POSTGRES_FOLLOW=self.database_folder))

    def fail_over(self):
        """The primary dies, its standby takes its place, and what died comes back as the standby of that one."""
        self.stop_database("kill")
        shutil.rmtree(f"{self.database_folder}/data")
        self.database_folder = self.standby_folder
        sh(f"{SCRIPTS}/private-postgres.sh", "promote", self.database_folder)
        self.start_standby()

    def start_database_proxy(self, folder):
        """None: a service knows both places, and libpq finds out which of them takes writes."""

    def database(self, name, proxied=False):
        if not proxied:
            return super().database(name)
        user = self.url.split("user=")[1].split("&")[0]
        return f"postgres:///{name}?host={','.join(self.places)}&user={user}&target_session_attrs=read-write"

    def remove_database(self):
        try:
            super().remove_database()
        finally:
            if os.path.exists(self.standby_folder):
                sh(f"{SCRIPTS}/private-postgres.sh", "remove", self.standby_folder)
