"""URLs of the demo site: the pages of the notes, the admin, and the API of syncqueue."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

urlpatterns = [
    path("", include("project.notes.urls")),
    path(
        "login/",
        LoginView.as_view(template_name="login.html", redirect_authenticated_user=True),
        name="login",
    ),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("connect/mastodon/", include("syncqueue.api.connect.urls")),
    path("admin/", admin.site.urls),
    path("api/admin/sync-queue/", include("syncqueue.api.urls")),
]
