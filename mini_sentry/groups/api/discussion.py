"""What people said and what happened: a group's comments and its activity."""

from typing import Any, Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mini_sentry.accounts.person import acting
from mini_sentry.groups.api import schemas
from mini_sentry.groups.api.shape import group_or_404
from mini_sentry.groups.models import Activity, Comment
from mini_sentry.rest.routing import route

MAX_ACTIVITIES: Final = 500


class CommentsView(APIView):
    @extend_schema(operation_id="groups_comments_list", responses=schemas.CommentSerializer(many=True), tags=["groups"])
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        """Comments, the oldest first."""
        group = group_or_404(id)
        return Response([_shown(comment) for comment in Comment.objects.filter(group=group).order_by("pk")])

    @extend_schema(
        operation_id="groups_comments_create",
        request=schemas.NewCommentSerializer,
        responses={201: schemas.CommentSerializer},
        tags=["groups"],
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        group = group_or_404(id)
        sent = schemas.NewCommentSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        author = acting(request) or sent.validated_data["author"]
        comment = Comment.objects.create(
            group=group, author=author, body=sent.validated_data["body"], created_at=timezone.now()
        )
        return Response(_shown(comment), status=201)


class ActivityView(APIView):
    @extend_schema(operation_id="groups_activity", responses=schemas.ActivitySerializer(many=True), tags=["groups"])
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 - the path's name for it
        """What happened to the group and what was said about it, the newest first."""
        group = group_or_404(id)
        happened = [
            {
                "id": f"a{activity.pk}",
                "kind": activity.kind,
                "author": activity.author,
                "data": activity.data,
                "created_at": activity.created_at,
            }
            for activity in Activity.objects.filter(group=group).order_by("-pk")[:MAX_ACTIVITIES]
        ]
        said = [
            {
                "id": f"c{comment.pk}",
                "kind": "comment",
                "author": comment.author,
                "data": {"comment": comment.pk, "body": comment.body},
                "created_at": comment.created_at,
            }
            for comment in Comment.objects.filter(group=group).order_by("-pk")[:MAX_ACTIVITIES]
        ]
        newest_first = sorted([*happened, *said], key=lambda entry: entry["created_at"], reverse=True)
        return Response(newest_first[:MAX_ACTIVITIES])


def _shown(comment: Comment) -> dict[str, Any]:
    return {
        "id": comment.pk,
        "group": comment.group_id,
        "author": comment.author,
        "body": comment.body,
        "created_at": comment.created_at,
    }


urlpatterns = [
    route("api/groups/<id:id>/comments/", CommentsView.as_view(), name="group-comments"),
    route("api/groups/<id:id>/activity/", ActivityView.as_view(), name="group-activity"),
]
