"""The five kinds of users with which every page and every call is tested."""

from django.contrib.auth.models import Permission, User
from django.test import Client

ROLES = ("anonymous", "member", "staff", "viewer", "operator")
_PERMISSIONS = {"viewer": ["view_queue"], "operator": ["view_queue", "operate_queue"]}


def make_person(role: str, *more: str) -> User:
    """Create a user with a role, and with further permissions of the app by codename."""
    user = User.objects.create_user(role, password="pass", is_staff=role != "member")
    codenames = [*_PERMISSIONS.get(role, []), *more]
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="syncqueue", codename__in=codenames))
    return user


def client_of(role: str, *more: str, csrf: bool = False) -> Client:
    """Return a client that is logged in with a role."""
    client = Client(enforce_csrf_checks=csrf)
    if role != "anonymous":
        client.force_login(make_person(role, *more))
    return client
